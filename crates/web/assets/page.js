// What is nicer with a script: lists that keep themselves up to date, countdowns, keys. Without it every form still works.
"use strict";

const requests = () => document.getElementById("requests");
const states = new Map();

function say(text) {
  const said = document.getElementById("said");
  if (said) said.textContent = text;
}

// Countdowns. The server's clock decides; the difference to this one is taken from the answer's date.
let ahead = 0;
function left(seconds) {
  const minutes = Math.floor(seconds / 60), hours = Math.floor(minutes / 60);
  if (hours >= 24) return `${Math.floor(hours / 24)} d ${hours % 24} h left`;
  if (hours > 0) return `${hours} h ${minutes % 60} min left`;
  if (minutes > 0) return `${minutes} min ${seconds % 60} s left`;
  return `${seconds} s left`;
}
function count() {
  for (const time of document.querySelectorAll("time[data-expires]")) {
    const seconds = Math.max(0, Math.round((Number(time.dataset.expires) - Date.now() - ahead) / 1000));
    const text = seconds === 0 ? "expired" : left(seconds);
    if (time.textContent !== text) time.textContent = text;
    time.classList.toggle("soon", seconds < 60);
    if (seconds === 0) close(time.closest(".card"));
  }
}

// A request that is no longer open stays where it is, so that nothing moves under a pointer that is about to press.
function close(card) {
  if (!card) return;
  for (const control of card.querySelectorAll("form [name]")) control.disabled = true;
}
function settle(card) {
  if (card.classList.contains("gone")) return;
  card.classList.add("gone");
  const state = states.get(card.id) || "no longer pending";
  const word = document.createElement("span");
  word.className = `state ${state}`;
  word.textContent = state;
  card.querySelector(".head").append(word);
  close(card);
  if (card.contains(document.activeElement)) card.focus();
}

const touched = (element) => element.contains(document.activeElement) && document.activeElement !== element
  || [...element.querySelectorAll("input[type=text], textarea")].some((field) => field.value !== field.defaultValue);

// Takes over what is new in a page that was just read.
function merge(page) {
  const here = requests(), there = page.getElementById("requests");
  if (here && there) {
    for (const card of [...here.children]) {
      const next = page.getElementById(card.id);
      if (!next) settle(card);
      else if (next.dataset.version !== card.dataset.version && !touched(card)) card.replaceWith(document.adoptNode(next));
    }
    let added = 0;
    for (const next of [...there.children]) {
      if (document.getElementById(next.id)) continue;
      next.classList.add("new");
      here.append(document.adoptNode(next));
      added += 1;
    }
    if (added > 0) say(added === 1 ? "1 new request" : `${added} new requests`);
  }
  const single = document.getElementById("request"), next = page.getElementById("request");
  if (single && next && single.dataset.version !== next.dataset.version) single.replaceWith(document.adoptNode(next));
  for (const old of document.querySelectorAll("[data-replace]")) {
    const fresh = page.getElementById(old.id);
    if (fresh && fresh.innerHTML !== old.innerHTML && !old.contains(document.activeElement)) old.replaceWith(document.adoptNode(fresh));
  }
  const counted = document.getElementById("pending-count"), fresh = page.getElementById("pending-count");
  if (counted && fresh) counted.textContent = fresh.textContent;
  count();
}

async function take(answer) {
  if (new URL(answer.url).pathname === "/sign-in") return location.assign("/sign-in");
  const date = Date.parse(answer.headers.get("date"));
  if (date && Math.abs(date - Date.now()) > 2000) ahead = date - Date.now();
  return new DOMParser().parseFromString(await answer.text(), "text/html");
}

let reading = false, again = false;
async function refresh() {
  if (reading) { again = true; return; }
  reading = true;
  try {
    const page = await take(await fetch(location.href, { headers: { accept: "text/html", "kitelogik-refresh": "1" }, cache: "no-store" }));
    if (page) merge(page);
  } catch { /* the stream tells when the server is back */ }
  reading = false;
  if (again) { again = false; setTimeout(refresh, 100); }
}

function listen() {
  const live = document.getElementById("live");
  const source = new EventSource(location.pathname === "/audit" ? "/events?records=true" : "/events");
  let broken = false;
  source.addEventListener("open", () => { live.hidden = false; if (broken) refresh(); broken = false; });
  source.addEventListener("error", () => { live.hidden = true; broken = true; });
  source.addEventListener("approval", (event) => {
    const change = JSON.parse(event.data);
    states.set(change.id, change.state);
    refresh();
  });
  source.addEventListener("record", refresh);
  source.addEventListener("end", () => { source.close(); live.hidden = true; location.reload(); });
}

// A decision goes out without leaving the page, so that a note begun elsewhere is not lost.
document.addEventListener("submit", async (event) => {
  const form = event.target.closest("form[data-decide]");
  if (!form || !requests() || !event.submitter) return;
  event.preventDefault();
  const card = form.closest(".card"), decision = event.submitter.value;
  const body = new URLSearchParams(new FormData(form, event.submitter));
  for (const button of form.querySelectorAll("button")) button.disabled = true;
  try {
    const page = await take(await fetch(form.action, { method: "POST", body }));
    if (!page) return;
    const notice = page.getElementById("notice");
    if (notice) {
      document.getElementById("notice")?.remove();
      document.getElementById("main").prepend(document.adoptNode(notice));
      say(notice.textContent);
    }
    if (!page.getElementById(card.id)) {
      states.set(card.id, decision === "approve" ? "approved" : "denied");
      const following = card.nextElementSibling;
      settle(card);
      following?.focus({ preventScroll: true });
    }
    if (page.getElementById("requests")) merge(page);
  } catch {
    location.reload();
  }
  for (const button of form.querySelectorAll("button")) button.disabled = card.classList.contains("gone");
});

document.addEventListener("keydown", (event) => {
  if (event.ctrlKey || event.metaKey || event.altKey) return;
  const field = event.target.closest("input, textarea, select");
  if (event.key === "Escape" && field) { (field.closest(".card") || document.body).focus(); return; }
  if (field) return;
  const cards = [...document.querySelectorAll(".card:not(.gone)")].filter((card) => card.querySelector("form[data-decide]") || requests());
  const at = cards.findIndex((card) => card.contains(document.activeElement));
  const card = cards[at] || (requests() ? null : cards[0]);
  const press = (selector) => { const found = (card || cards[0])?.querySelector(selector); if (found) { event.preventDefault(); found.focus(); } };
  switch (event.key) {
    case "j": cards[Math.min(at + 1, cards.length - 1)]?.focus(); break;
    case "k": cards[Math.max(at - 1, 0)]?.focus(); break;
    // The key chooses the button, and Enter presses it: one slip decides nothing.
    case "a": press(".approve"); break;
    case "d": press(".deny"); break;
    case "n": press("input[name=note]"); break;
    case "o": card?.querySelector("h2 a")?.click(); break;
    default:
  }
});

setInterval(count, 1000);
count();
if (document.body.hasAttribute("data-live")) listen();
