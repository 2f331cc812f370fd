// Keeps half-filled forms in this tab (sessionStorage) until they are sent: nothing typed is lost
// when the connection, the session or the server goes away. Forms opt in with data-autosave="name"; one with
// data-forgets="name" makes another be forgotten.
// What is kept belongs to the person who typed it: nobody else who signs in here is shown it, and
// signing out forgets it.
const KEPT = "assent.form.";
const PERSON = document.body.dataset.person ?? "";
const SENT = "assent.sent";
const SKIP = new Set(["csrf_token", "version"]);

function storageKey(form) {
  const name = form.dataset.autosave ?? form.dataset.forgets;
  return name === undefined ? null : `${KEPT}${PERSON}.${name}`;
}

function fields(form) {
  return [...form.elements].filter(
    (field) => field.name && !SKIP.has(field.name) && !["hidden", "password", "file", "submit"].includes(field.type),
  );
}

function read(form) {
  return fields(form).map((field) => ["radio", "checkbox"].includes(field.type)
    ? [field.name, field.value, field.checked]
    : [field.name, null, field.value]);
}

function write(form, saved) {
  const known = new Map(saved.map(([name, value, state]) => [`${name}\n${value ?? ""}`, state]));
  for (const field of fields(form)) {
    const tick = ["radio", "checkbox"].includes(field.type);
    const state = known.get(`${field.name}\n${tick ? field.value : ""}`);
    if (state === undefined) continue;
    if (tick) field.checked = state;
    else field.value = state;
  }
}

function offerUndo(form, original) {
  const note = document.createElement("p");
  note.className = "note";
  note.setAttribute("role", "status");
  note.append("What you typed here before was kept. ");
  const undo = document.createElement("button");
  undo.type = "button";
  undo.className = "link end";
  undo.textContent = "Start over";
  undo.addEventListener("click", () => {
    sessionStorage.removeItem(storageKey(form));
    write(form, original);
    note.remove();
  });
  note.append(undo);
  form.querySelector(".body, .fields")?.before(note);
  if (!note.isConnected) form.prepend(note);
}

function watch(form) {
  const original = read(form);
  const refused = form.querySelector(".fld.bad") || document.querySelector(".error-summary");
  const text = sessionStorage.getItem(storageKey(form));
  if (text && !refused) {
    try {
      const saved = JSON.parse(text);
      if (JSON.stringify(saved) !== JSON.stringify(original)) {
        write(form, saved);
        offerUndo(form, original);
      }
    } catch {
      sessionStorage.removeItem(storageKey(form));
    }
  }
  form.addEventListener("input", () => {
    try {
      sessionStorage.setItem(storageKey(form), JSON.stringify(read(form)));
    } catch {
      // The storage is full or off; typing goes on as if there were none.
    }
  });
  form.addEventListener("change", () => form.dispatchEvent(new Event("input")));
}

function forgetAll() {
  for (const key of Object.keys(sessionStorage)) {
    if (key.startsWith(KEPT) || key === SENT) sessionStorage.removeItem(key);
  }
}

// What was sent is forgotten as soon as a page says that it has arrived; a refusal, or no answer at
// all, leaves it. Which form was sent last is kept too, because the answer is another page.
document.addEventListener("submit", (event) => {
  const form = event.target;
  if (form.getAttribute("action") === "/sign-out") forgetAll();
  else sessionStorage.setItem(SENT, storageKey(form) ?? "");
});
if (document.querySelector("[data-arrived]")) {
  sessionStorage.removeItem(sessionStorage.getItem(SENT) || SENT);
}
if (PERSON) document.querySelectorAll("form[data-autosave]").forEach(watch);
