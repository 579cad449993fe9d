"use strict";
// Puts the fragments the server renders where they belong. Decides nothing, keeps nothing but what is on the screen.
(() => {
  const body = document.body;
  const rows = document.querySelector("#payments tbody");
  if (!rows) return;
  const rowsMax = Number(body.dataset.rowsMax);
  const fragment = (html) => {
    const template = document.createElement("template");
    template.innerHTML = html;
    return template.content.firstElementChild;
  };
  const showRow = ({ uetr, html }) => {
    const fresh = fragment(html);
    const known = rows.querySelector(`tr[data-uetr="${CSS.escape(uetr)}"]`);
    if (known) {
      known.replaceWith(fresh);
      fresh.classList.add("changed");
    } else {
      rows.querySelector("tr.empty")?.remove();
      rows.prepend(fresh);
      fresh.classList.add("new");
    }
  };
  const source = new EventSource(`/live?lang=${body.parentElement.lang}&after=${body.dataset.position}`);
  source.onopen = () => body.classList.remove("lost");
  source.onerror = () => body.classList.add("lost");
  source.addEventListener("board", (event) => {
    const update = JSON.parse(event.data);
    for (const { id, html } of update.panels) {
      const panel = document.getElementById(id);
      if (panel) panel.innerHTML = html;
    }
    update.rows.forEach(showRow);
    while (rows.children.length > rowsMax) rows.lastElementChild.remove();
  });
})();
