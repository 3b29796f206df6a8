//! The JSON API, and whether it is as its description says.

use kitelogik_core::Approval;
use kitelogik_web::Identity;
use serde_json::{Value, json};

use crate::house::{House, refund};

/// The description, and what is left of it to be shown.
struct Description {
    document: Value,
    shown: Vec<String>,
}

impl Description {
    fn of(house: &House) -> Self {
        let document = house
            .api("GET", "/api/openapi.json", "", "")
            .status(200)
            .json();
        assert_eq!(document["openapi"], "3.1.0");
        Self {
            document,
            shown: Vec::new(),
        }
    }

    /// Holds the answer of an operation against its schema.
    #[track_caller]
    fn hold(&mut self, method: &str, path: &str, status: u16, answer: &Value) {
        let operation = &self.document["paths"][path][method.to_lowercase()];
        let schema =
            &operation["responses"][status.to_string()]["content"]["application/json"]["schema"];
        assert!(
            schema.is_object(),
            "{method} {path} has no answer {status}: {operation}"
        );
        let schema = json!({"$ref": schema["$ref"], "components": self.document["components"]});
        let validator = jsonschema::draft202012::new(&schema).unwrap();
        let errors: Vec<String> = validator
            .iter_errors(answer)
            .map(|error| error.to_string())
            .collect();
        assert!(errors.is_empty(), "{method} {path}: {errors:?} in {answer}");
        if status == 200 {
            self.shown.push(format!("{} {path}", method.to_lowercase()));
        }
    }
}

#[test]
fn every_operation_answers_as_the_description_says() {
    let house = House::open();
    let mut description = Description::of(&house);
    let token = house.token(Identity::new("bo", "manager"));
    let calls = [refund(150), refund(160), refund(170)];
    let ids: Vec<String> = calls.iter().map(|call| house.ask(call)).collect();
    let decision = house.record(&refund(180));
    let mut ask = |method: &str, path: &str, id: &str, query: &str, body: &str, status: u16| {
        let address = format!("{}{query}", path.replace("{id}", id));
        let answer = house.api(method, &address, &token, body).status(status);
        assert_eq!(answer.header("content-type"), Some("application/json"));
        let answer = answer.json();
        description.hold(method, path, status, &answer);
        answer
    };

    assert_eq!(ask("GET", "/api/v1/me", "", "", "", 200)["name"], "bo");
    let list = ask(
        "GET",
        "/api/v1/approvals",
        "",
        "?state=pending&limit=2",
        "",
        200,
    );
    assert_eq!(list["approvals"].as_array().unwrap().len(), 2);
    let next = format!("?state=pending&after={}", list["next"].as_str().unwrap());
    let list = ask("GET", "/api/v1/approvals", "", &next, "", 200);
    assert_eq!(list["approvals"][0]["id"], json!(ids[2]));
    assert_eq!(list["next"], json!(null));
    let one = "/api/v1/approvals/{id}";
    assert_eq!(
        ask("GET", one, &ids[0], "", "", 200)["arguments"]["amount"],
        150
    );

    let approve = "/api/v1/approvals/{id}/approve";
    let approved = ask(
        "POST",
        approve,
        &ids[0],
        "",
        r#"{"note": "as agreed"}"#,
        200,
    );
    assert_eq!(approved["decisions"][0]["by"], "bo");
    ask("POST", approve, &ids[0], "", "", 409);
    ask("POST", approve, "apr_none", "", "", 404);
    assert_eq!(
        ask(
            "POST",
            "/api/v1/approvals/{id}/deny",
            &ids[1],
            "",
            "{}",
            200
        )["state"],
        "denied"
    );
    let edit = "/api/v1/approvals/{id}/edit";
    ask(
        "POST",
        edit,
        &ids[2],
        "",
        r#"{"arguments": {"amount": 170, "customer_id": "cust_001"}}"#,
        422,
    );
    let wanted = r#"{"arguments": {"amount": 99, "customer_id": "cust_001"}}"#;
    assert!(ask("POST", edit, &ids[2], "", wanted, 200)["edited_to"].is_string());

    let audit = ask(
        "GET",
        "/api/v1/audit",
        "",
        "?tool=approve_refund&verdict=require_approval",
        "",
        200,
    );
    assert_eq!(audit["records"][0]["decision_id"], json!(decision));
    assert_eq!(
        ask("GET", "/api/v1/audit", "", "?tool=other", "", 200)["records"],
        json!([])
    );
    assert_eq!(
        ask("GET", "/api/v1/audit/{id}", &decision, "", "", 200)["tenant"],
        "acme"
    );
    ask("GET", "/api/v1/audit/{id}", "none", "", "", 404);
    ask("GET", "/api/v1/audit", "", "?verdict=maybe", "", 400);
    ask("GET", "/api/v1/audit", "", "?limit=0", "", 400);
    ask("GET", "/api/v1/audit/chain", "", "", "", 200);
    let bad = house
        .api("GET", "/api/v1/me", "klt_guess", "")
        .status(401)
        .json();
    description.hold("GET", "/api/v1/me", 401, &bad);

    let mut described: Vec<String> = Vec::new();
    for (path, item) in description.document["paths"].as_object().unwrap() {
        described.extend(
            item.as_object()
                .unwrap()
                .keys()
                .map(|method| format!("{method} {path}")),
        );
    }
    description.shown.sort();
    description.shown.dedup();
    described.sort();
    assert_eq!(
        description.shown, described,
        "each operation is there and was shown"
    );
}

#[test]
fn every_parameter_of_the_description_is_taken() {
    let house = House::open();
    let document = Description::of(&house).document;
    let token = house.token(Identity::new("bo", "manager"));
    let mut count = 0;
    for (path, item) in document["paths"].as_object().unwrap() {
        let none = Vec::new();
        for parameter in item["get"]["parameters"].as_array().unwrap_or(&none) {
            if parameter["in"] != "query" {
                continue;
            }
            let name = parameter["name"].as_str().unwrap();
            // A value that is understood and finds nothing shows that the parameter counts.
            let (value, finds) = match name {
                "state" => ("denied", false),
                "verdict" => ("deny", false),
                "tier" => ("DESTRUCTIVE", false),
                "from" => ("2999-01-01T00:00:00Z", false),
                "to" => ("1999-01-01T00:00:00Z", false),
                "faults" => ("1", false),
                "limit" => ("1", true),
                "newest_first" | "oldest_first" => ("true", true),
                "after" => continue,
                _ => ("nobody", false),
            };
            if count == 0 {
                house.ask(&refund(150));
                house.record(&refund(150));
            }
            let answer = house
                .api("GET", &format!("{path}?{name}={value}"), &token, "")
                .status(200)
                .json();
            let list = answer.get("approvals").or(answer.get("records")).unwrap();
            assert_eq!(!list.as_array().unwrap().is_empty(), finds, "{path} {name}");
            count += 1;
        }
    }
    assert!(count > 15, "{count}");
}

#[test]
fn a_program_decides_as_its_token_and_only_where_that_may() {
    let house = House::open();
    let bo = house.token(Identity::new("bo", "manager").tenants(["acme"]));
    let eve = house.token(Identity::new("eve", "auditor").read_only());
    let call = refund(150);
    let own = house.ask(&call);
    let other = house.ask(&refund(150).tenant("globex"));
    let approve = |id: &str, token: &str, body: &str| {
        house.api(
            "POST",
            &format!("/api/v1/approvals/{id}/approve"),
            token,
            body,
        )
    };
    approve(&own, &eve, "").status(403);
    approve(&other, &bo, "").status(404);
    approve(&own, &bo, r#"{"name": "mallory"}"#).status(400);
    approve(&own, &bo, r#"{"note": "a", "note": "b"}"#).status(400);
    assert_eq!(house.request(&own).state.as_str(), "pending");
    approve(&own, &bo, "").status(200);
    assert!(
        matches!(house.ask_again(&call).0, Approval::Granted { approver, .. } if approver == "bo")
    );
}
