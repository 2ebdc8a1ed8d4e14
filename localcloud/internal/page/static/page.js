// The pages work without this: it sends a query with Ctrl-Enter, and keeps lists that
// are marked data-live up to date while somebody looks.
"use strict";

document.addEventListener("keydown", (event) => {
  if (event.key === "Enter" && (event.ctrlKey || event.metaKey) && event.target.form) event.target.form.requestSubmit();
});

const live = document.querySelectorAll("[data-live]");

async function refresh() {
  if (document.hidden) return;
  const response = await fetch(location.href, { headers: { accept: "text/html" } });
  if (!response.ok) return;
  const page = new DOMParser().parseFromString(await response.text(), "text/html");
  for (const old of live) {
    const now = page.getElementById(old.id);
    if (now && now.innerHTML !== old.innerHTML && !old.contains(document.activeElement)) old.replaceChildren(...now.childNodes);
  }
}

if (live.length > 0) {
  setInterval(() => refresh().catch(() => {}), 2000); // a cloud that was stopped may come back
}
