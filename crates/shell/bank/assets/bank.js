// Four small things: the quote's countdown, live progress, a form that is sent once, and a file handed in.
"use strict";

for (const line of document.querySelectorAll("[data-left-ms]")) {
  const end = performance.now() + Number(line.dataset.leftMs);
  const confirm = document.getElementById("confirm");
  const requote = document.querySelector("#requote");
  const tick = () => {
    const left = Math.max(0, Math.ceil((end - performance.now()) / 1000));
    if (left > 0) {
      line.textContent = line.dataset.words.replace("{}", String(left));
      line.classList.toggle("soon", left <= 10);
      setTimeout(tick, 250);
      return;
    }
    line.textContent = line.dataset.over;
    line.classList.add("over");
    document.getElementById("quote-said").textContent = line.dataset.over;
    if (confirm) confirm.disabled = true;
    if (requote) requote.hidden = false;
  };
  tick();
}

const progress = document.querySelector("[data-events]");
if (progress) {
  const source = new EventSource(progress.dataset.events);
  // The server escapes what people wrote; this is its own markup.
  source.addEventListener("progress", (event) => { progress.innerHTML = event.data; });
  source.addEventListener("end", () => source.close());
}

for (const form of document.querySelectorAll("form[data-once]")) {
  form.addEventListener("submit", (event) => {
    if (form.dataset.sent) {
      event.preventDefault();
      return;
    }
    form.dataset.sent = "yes";
    form.setAttribute("aria-busy", "true");
  });
}
// Coming back through history, a form can be sent again.
addEventListener("pageshow", () => {
  for (const form of document.querySelectorAll("form[data-sent]")) {
    delete form.dataset.sent;
    form.removeAttribute("aria-busy");
  }
});

const bulk = document.getElementById("bulk");
if (bulk) {
  bulk.addEventListener("submit", async (event) => {
    event.preventDefault();
    const file = document.getElementById("file").files[0];
    const said = document.getElementById("bulk-said");
    bulk.setAttribute("aria-busy", "true");
    said.hidden = true;
    const type = file.name.toLowerCase().endsWith(".csv") ? "text/csv" : "application/xml";
    const headers = { "content-type": type, "x-form-token": bulk.dataset.token };
    const answer = await fetch("/bulk", { method: "POST", body: file, headers });
    const told = await answer.json();
    bulk.removeAttribute("aria-busy");
    if (answer.ok) {
      location.assign(`/bulk/${told.file}`);
      return;
    }
    said.textContent = told.field ? `${told.field}: ${told.title}` : told.title;
    said.hidden = false;
  });
}
