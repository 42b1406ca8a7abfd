// Keeps the page up to date: an event is an object of the elements that changed, by their ids.
"use strict";
const liveness = document.getElementById("liveness");
const events = new EventSource("/-/status/events");
events.addEventListener("message", ({ data }) => {
  for (const [id, markup] of Object.entries(JSON.parse(data))) {
    const element = document.getElementById(id);
    if (element !== null) element.innerHTML = markup;
  }
  liveness.textContent = "live";
});
events.addEventListener("error", () => {
  liveness.textContent = "not live: promtap doesn't answer; it is asked again";
});
