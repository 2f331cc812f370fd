// Keyboard shortcuts. Single keys are off while typing and can be switched off (WCAG 2.1.4).
const OFF = "assent.keys-off";
const PLACES = { i: "/inbox", p: "/proposals", r: "/releases", s: "/schedule", m: "/media" };
let goUntil = 0;

function isTyping(target) {
  return target.closest("input:not([type=radio], [type=checkbox]), textarea, select, [contenteditable]") !== null;
}

function rows() {
  return [...document.querySelectorAll("[data-row]")];
}

function move(step) {
  const all = rows();
  if (!all.length) return;
  const now = all.findIndex((row) => row.classList.contains("sel-key"));
  const next = all[Math.max(0, Math.min(all.length - 1, now < 0 ? (step > 0 ? 0 : all.length - 1) : now + step))];
  all.forEach((row) => row.classList.toggle("sel-key", row === next));
  const link = next.querySelector("a, button");
  if (link) link.focus({ preventScroll: true });
  next.scrollIntoView({ block: "nearest" });
  next.dispatchEvent(new CustomEvent("row-selected", { bubbles: true }));
}

// Finds what a key means here: in the chosen row first, then in the preview, then on the page.
function press(key) {
  const row = document.querySelector(".sel-key");
  for (const scope of [row, document.querySelector("[data-preview]"), document]) {
    const target = scope?.querySelector(`[data-key="${key}"]:not([disabled])`);
    if (target) {
      target.focus();
      target.click();
      return true;
    }
  }
  return false;
}

function choose(value) {
  const radio = document.querySelector(`.decision input[value="${value}"]:not(:disabled)`);
  if (!radio) return false;
  radio.checked = true;
  radio.dispatchEvent(new Event("change", { bubbles: true }));
  radio.focus();
  return true;
}

function submit(target) {
  const form = target.closest("form") ?? document.querySelector("form.decision");
  const button = form?.querySelector("[data-submit], button:not([type=button], [formnovalidate])");
  if (button) form.requestSubmit(button);
}

function openHelp() {
  const help = document.getElementById("keys-help");
  if (help && !help.open) help.showModal();
}

const ACTIONS = {
  j: () => move(1),
  k: () => move(-1),
  c: () => press("c"),
  a: () => press("a") || choose("authorize"),
  b: () => press("b") || choose("send_back"),
  "/": () => document.querySelector("input[type=search]")?.focus(),
  "?": openHelp,
};

document.addEventListener("keydown", (event) => {
  if (event.key === "Enter" && (event.ctrlKey || event.metaKey)) {
    event.preventDefault();
    submit(event.target);
    return;
  }
  if (event.ctrlKey || event.metaKey || event.altKey || event.defaultPrevented) return;
  if (isTyping(event.target) || document.querySelector("dialog[open]") || localStorage.getItem(OFF)) return;
  const key = event.key.toLowerCase();
  if (goUntil > Date.now() && PLACES[key]) {
    goUntil = 0;
    location.assign(PLACES[key]);
  } else if (key === "g") {
    goUntil = Date.now() + 1500;
  } else if (Object.hasOwn(ACTIONS, key)) {
    event.preventDefault();
    ACTIONS[key]();
  }
});

// After a refused form the summary gets the focus, so that it is read and reached first.
document.querySelector("[data-focus]")?.focus();

// A wide diagram opens where the work is, not at its far left.
for (const box of document.querySelectorAll("[data-diagram]")) {
  const live = box.querySelector(".el.live");
  if (live && box.scrollWidth > box.clientWidth) {
    const place = live.getBoundingClientRect();
    const frame = box.getBoundingClientRect();
    box.scrollLeft += place.left - frame.left - (frame.width - place.width) / 2;
    box.scrollTop += place.top - frame.top - (frame.height - place.height) / 2;
  }
}

const off = document.getElementById("keys-off");
if (off) {
  off.checked = Boolean(localStorage.getItem(OFF));
  off.addEventListener("change", () => {
    if (off.checked) localStorage.setItem(OFF, "1");
    else localStorage.removeItem(OFF);
  });
}
