"use strict";
// Print unfolds all parts, also in browsers whose styles cannot.
const folded = [];
addEventListener("beforeprint", () => {
  for (const part of document.querySelectorAll("details:not([open])")) { part.open = true; folded.push(part); }
});
addEventListener("afterprint", () => { for (const part of folded.splice(0)) part.open = false; });
// Marks of charts say their values under the pointer or a finger.
const box = document.querySelector("main").appendChild(document.createElement("div"));
box.id = "tip";
box.setAttribute("role", "tooltip");
box.hidden = true;
addEventListener("pointerover", event => {
  const mark = event.target.closest?.(".tip");
  box.hidden = !mark;
  if (!mark) return;
  box.textContent = mark.dataset.tip;
  const left = Math.min(event.clientX + 12, innerWidth - box.offsetWidth - 8), below = event.clientY + 16;
  box.style.left = `${Math.max(8, left)}px`;
  box.style.top = `${below + box.offsetHeight < innerHeight ? below : event.clientY - box.offsetHeight - 10}px`;
});
addEventListener("scroll", () => { box.hidden = true; }, { passive: true });
