// The tape: what happens, the newest on top, one line each. Lines that stay are left alone.

const FILTERS = [["", "All"], ["signal", "Signals"], ["order", "Orders"], ["refusal", "Refusals"]];

export function render({ model, el }) {
  const lines = new Map();
  let only = "";
  const list = node("ol", { role: "log", "aria-label": "What happens", tabindex: "0" }), empty = node("p", { class: "empty" });
  const buttons = FILTERS.map(([kind, name]) => node("button", { type: "button", "aria-pressed": String(kind === only), onclick: () => choose(kind) }, name));
  el.append(node("div", { class: "tape" }, node("header", {}, node("h2", {}, "Tape"), node("div", { class: "tabs" }, ...buttons)), empty, list));

  const made = (line) => node("li", { title: line.text }, node("time", {}, line.time), node("span", { class: `mark ${line.tone}` }, line.mark),
    line.link ? node("a", { href: line.link }, line.text) : node("span", {}, line.text));

  function choose(kind) {
    only = kind;
    buttons.forEach((button, place) => button.setAttribute("aria-pressed", String(FILTERS[place][0] === kind)));
    draw();
  }

  function draw() {
    const wanted = shownOf(model).lines.filter((line) => !only || line.kind === only);
    const keys = new Set(wanted.map((line) => line.key));
    for (const [key, line] of lines) if (!keys.has(key)) { line.remove(); lines.delete(key); }
    let before = list.firstElementChild;
    for (const line of wanted) {
      let there = lines.get(line.key);
      if (there === before && there) { before = before.nextElementSibling; continue; }
      if (!there) lines.set(line.key, (there = made(line)));
      list.insertBefore(there, before);
    }
    put(empty, wanted.length ? "" : only ? "Nothing of this kind has happened lately." : shownOf(model).empty);
    empty.hidden = wanted.length > 0;
  }
  drawn({ model, el }, "Tape", draw);
}
