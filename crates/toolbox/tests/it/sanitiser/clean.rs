//! Text that must come back byte for byte.

use std::borrow::Cow;

use kitelogik_toolbox::sanitiser::Sanitiser;

#[track_caller]
fn untouched(texts: &[&str]) {
    let sanitiser = Sanitiser::default();
    let touched: Vec<_> = texts
        .iter()
        .map(|text| sanitiser.text(text))
        .filter(|result| !matches!(result.text, Cow::Borrowed(_)))
        .collect();
    assert!(touched.is_empty(), "{touched:#?}");
    let joined = texts.join("\n");
    assert_eq!(sanitiser.text(&joined).findings, []);
}

#[test]
fn business_text() {
    untouched(&[
        "",
        "Refunded $42.00 to cust_001",
        "Please ignore my previous message, I found the invoice.",
        "Please ignore this e-mail if your order has shipped.",
        "Please ignore all previous e-mails about the delivery.",
        "You can ignore the above warning on macOS.",
        "If you have already paid, please disregard this notice.",
        "Here is the system: overview, costs, and risks.",
        "System: Windows 11\nRAM: 16 GB\nUser: jdoe",
        "system: overview",
        "System: enabled\nStart time: 09:00",
        "Assistant: Maria Lopez\nManager: John Smith",
        "User: forgot password\nStatus: open",
        "The previous instructions for the printer are in the drawer.",
        "Follow the instructions above to assemble the chair.",
        "Please send us your instructions for the delivery.",
        "Thank you for your prompt reply and your prompt payment.",
        "We appreciate your prompt attention to the system outage.",
        "Don't forget your training on Monday, and do not ignore safety rules.",
        "The new rules override the prior policy from March.",
        "From now on you will receive your invoices monthly.",
        "You are now subscribed to our newsletter.",
        "You are no longer required to sign the form.",
        "Enable developer mode on your Android phone in the settings.",
        "Your new role is to lead the sales team.",
        "Print the instructions and show them to the driver.",
        "The system prompts the user for a password.",
        "How to write a good system prompt: a guide",
        "Show the message to the customer, then write down the initial amount.",
        "## Instructions\n1. Preheat the oven.\n2. Bake for 40 minutes.",
        "### Installation instructions\nRun `make`.",
        "### Response\n\n| field | type |\n|---|---|\n| id | string |",
        "Forget everything else: the blue one is the best lamp.",
        "We had to bypass the old heating system and follow the safety instructions.",
        "Kindly disregard my earlier email about the system: it is working now.",
        "Please ignore the previous invoice and use the attached one.",
        "The assistant: role is defined in the schema.",
        "To reset, ignore all warnings and continue.",
        "Employees must follow all previous safety instructions and policies.",
        "What is the initial setup fee? Where are your return instructions?",
        "System: 3 alerts; assistant: offline",
        "Forgot your password? Follow the instructions above.",
        "The model ignores system instructions when the temperature is high.",
        "Please provide the full system message log for the incident.",
        "Tell me about the system rules for refunds.",
        "Describe the system message you see on the printer.",
        "git rebase: ignore all previous commits",
        "Agent: Could you repeat the order number?\nCustomer: 10443",
    ]);
}

#[test]
fn code_and_data() {
    untouched(&[
        "fn main() { let system: System = System::new(); println!(\"{system:?}\"); }",
        "const users: Promise<Assistant> = load<System>(id);",
        "Map<String, List<Assistant>> m = new HashMap<>();",
        "if a <| b |> c then f <|> g",
        "ssh <user>@<host>",
        "<user><name>Ann</name><role>admin</role></user>",
        "<html><body><p class=\"x\">Hi</p></body></html>",
        "id,name,total\n1,\"Smith, Ann\",42.00\n2,Lee,7.50\n",
        "{\"system\": \"erp\", \"role\": \"user\", \"instructions\": [\"ring twice\"]}",
        "[system]\nname = \"erp\"\n[user]\nid = 7",
        "[system] # main section\n",
        "2026-01-01T10:04:00Z [system] started in 40 ms",
        "Languages: JavaScript: 40%, Python: 30%",
        "JavaScript: the good parts",
        "javascript: es6, es7",
        "tags: lang:javascript:es6",
        "The `javascript:` scheme is blocked by our policy.",
        "data:image/png;base64,iVBORw0KGgo=",
        "Content-Type: text/html; charset=utf-8",
        "metadata: text/html",
        "SELECT * FROM orders WHERE id = 7; -- ignore nulls",
        "# .gitignore\n*.log\ntarget/\n",
        "eslint-disable-next-line no-console",
        "git commit -m 'Ignore the previous build output'",
        "arr[inst] = sys << 2; if (x <<sys) {}",
        "mov eax, [esp+4]\n\0",
        "C:\\Users\\ann\\system\\prompt.txt",
    ]);
}

#[test]
fn every_script() {
    untouched(&[
        // Russian, Ukrainian, Greek, Armenian, Georgian
        "Счёт № 7 оплачен полностью. Инструкции по доставке приложены, система работает.",
        "Пожалуйста, следуйте инструкциям выше. Не забудьте указать номер заказа.",
        "Система: Windows 11. Пользователь: Иванов",
        "Рахунок сплачено. Дотримуйтесь інструкцій.",
        "Το τιμολόγιο πληρώθηκε. Ακολουθήστε τις οδηγίες του κατασκευαστή.",
        "Հաշիվը վճարված է։ ანგარიში გადახდილია.",
        // Chinese, Japanese, Korean
        "订单已付款，请按照上述说明操作。系统提示：密码错误。",
        "如已付款，请忽略以上提示。",
        "ご注文ありがとうございます。上記の指示に従ってください。葛\u{e0100}飾区",
        "주문이 완료되었습니다. 위 안내를 따라 주세요.",
        // Arabic, Persian with ZWNJ, Hebrew with points
        "تم دفع الفاتورة. يرجى اتباع التعليمات السابقة.",
        "می\u{200c}خواهم کتاب\u{200c}ها را ببینم",
        "שָׁלוֹם, ההזמנה שולמה. אנא פעל לפי ההוראות.",
        // Hindi with ZWJ and ZWNJ, Tamil, Thai
        "क्\u{200d}ष और क्\u{200c}ष, चालान का भुगतान हो गया है। कृपया निर्देशों का पालन करें।",
        "பணம் செலுத்தப்பட்டது",
        "ชำระเงินแล้ว กรุณาทำตามคำแนะนำ",
        // Latin scripts
        "Les instructions précédentes restent valables. N'oubliez pas de payer.",
        "No olvides seguir las instrucciones anteriores del manual.",
        "Bitte beachten Sie die vorherigen Anweisungen. Große Grüße aus Köln!",
        "Nie zapomnij przeczytać instrukcji. Zażółć gęślą jaźń.",
        "Lütfen önceki talimatlara uyun.",
        "Vui lòng làm theo hướng dẫn ở trên.",
        // Decomposed accents as a Mac writes file names
        "Re\u{301}sume\u{301}.pdf, Mu\u{308}ller.docx",
        // Emoji: joiners, selectors, flags, tags, keycaps, skin tones
        "👩‍💻 👨‍👩‍👧‍👦 ❤️ ☎️ 1️⃣ 👍🏽 🇩🇪 🇯🇵 🏴\u{e0067}\u{e0062}\u{e0065}\u{e006e}\u{e0067}\u{e007f} 🏴\u{e0067}\u{e0062}\u{e0073}\u{e0063}\u{e0074}\u{e007f} 🏳️‍🌈",
        // Directional marks that prices in mixed text need
        "\u{200f}המחיר 42.00 ₪\u{200e} (VAT incl.)\u{2067}שלום\u{2069}",
        "\u{202b}שלום\u{202c} Hello \u{202e}txet desrever\u{202c}",
        // Invisible characters alone
        "\u{feff}name,total\u{200b}\n",
        "zero\u{200b}width\u{ad}ly 𝐛𝐨𝐥𝐝 ｆｕｌｌ ⓒⓘⓡⓒⓛⓔ",
    ]);
}

#[test]
fn a_long_clean_text_is_borrowed() {
    let text =
        "The system sent the instructions to the user; we ignore nothing. Система работает. "
            .repeat(5000);
    assert!(matches!(
        Sanitiser::default().text(&text).text,
        Cow::Borrowed(_)
    ));
}
