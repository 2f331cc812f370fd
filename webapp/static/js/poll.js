// Keeps parts of a page fresh. An element with data-poll="url" and an id is asked for every five
// seconds with If-None-Match; a 304 changes nothing, a 200 (an HTML fragment) replaces its inside.
// It waits while the page is hidden, while somebody types in the part, or while a menu is open.
const PERIOD = 5000;
const LONGEST = 60000;

function isBusy(part) {
  const active = document.activeElement;
  const typing = part.contains(active) && active.matches("input:not([type=radio], [type=checkbox]), textarea, select");
  return document.hidden || typing || part.querySelector("details[open], dialog[open]") !== null;
}

// Finds again, in the new markup, what had the focus: by id, else by link target and place.
function focusPath(part) {
  const active = document.activeElement;
  if (!part.contains(active) || active === part) return null;
  if (active.id) return `#${CSS.escape(active.id)}`;
  const href = active.getAttribute("href");
  return href ? `a[href="${CSS.escape(href)}"]` : null;
}

function replace(part, html) {
  const focus = focusPath(part);
  const chosen = part.querySelector(".sel-key[id]")?.id;
  const scrolls = [...part.querySelectorAll("[data-diagram]")].map((box) => [box.scrollLeft, box.scrollTop]);
  const holder = document.createElement("template");
  holder.innerHTML = html;
  part.replaceChildren(holder.content);
  if (chosen) document.getElementById(chosen)?.classList.add("sel-key");
  part.querySelectorAll("[data-diagram]").forEach((box, index) => {
    if (scrolls[index]) [box.scrollLeft, box.scrollTop] = scrolls[index];
  });
  if (focus) part.querySelector(focus)?.focus({ preventScroll: true });
  part.dispatchEvent(new CustomEvent("polled", { bubbles: true }));
}

async function ask(part, state) {
  const headers = { Accept: "text/html", "X-Poll": "1" };
  if (state.etag) headers["If-None-Match"] = state.etag;
  const answer = await fetch(part.dataset.poll, { headers, credentials: "same-origin", cache: "no-store" });
  if (answer.redirected || answer.status === 401 || answer.status === 403) {
    state.stopped = true;
  } else if (answer.status === 200) {
    const html = await answer.text();
    if (isBusy(part)) return;
    state.etag = answer.headers.get("ETag") ?? "";
    replace(part, html);
  } else if (answer.status >= 400) {
    throw new Error(`status ${answer.status}`);
  }
}

function start(part) {
  const state = { etag: part.dataset.etag ?? "", stopped: false, wait: PERIOD };
  const tick = async () => {
    if (!part.isConnected || state.stopped) return;
    try {
      if (!isBusy(part)) await ask(part, state);
      state.wait = PERIOD;
    } catch {
      state.wait = Math.min(state.wait * 2, LONGEST);
    }
    setTimeout(tick, state.wait * (0.9 + Math.random() * 0.2));
  };
  setTimeout(tick, state.wait);
}

document.querySelectorAll("[data-poll]").forEach(start);
