// The links to the pages with their keys, the switch between dark and light, and who is signed in.

const SUN = "M12 7a5 5 0 1 0 0 10 5 5 0 0 0 0-10zm0-5v3m0 14v3M2 12h3m14 0h3M5 5l2 2m10 10 2 2M5 19l2-2M17 7l2-2";
const MOON = "M20 14.5A8.5 8.5 0 0 1 9.5 4 8.5 8.5 0 1 0 20 14.5z";

const KEYS = [["g …", "go to a page, by the letter beside its name here"], ["/", "search or filter"], ["j  k", "next and previous row"], ["Enter", "details of the row"], ["a", "acknowledge an alarm"], ["K  Enter", "stop all trading"], ["?", "this list"]];

function icon(path) {
  const name = "http://www.w3.org/2000/svg", drawn = document.createElementNS(name, "svg");
  drawn.setAttribute("viewBox", "0 0 24 24");
  drawn.setAttribute("aria-hidden", "true");
  drawn.append(document.createElementNS(name, "path"));
  drawn.firstChild.setAttribute("d", path);
  return drawn;
}

function keysDialog(places) {
  const line = ([keys, meaning]) => node("tr", {}, node("td", {}, ...keys.split("  ").map((key) => node("kbd", {}, key))), node("td", {}, meaning));
  const rows = [...KEYS, ...places.map((place) => [`g ${place.key}`, place.title])];
  const dialog = node("dialog", { class: "confirm", "aria-label": "Keys", onclick: () => dialog.close() },
    node("h2", {}, "Keys"), node("table", { class: "keys" }, ...rows.map(line)));
  dialog.addEventListener("close", () => dialog.remove());
  document.body.append(dialog);
  dialog.showModal();
}

function listenToKeys(places) {
  let began = 0;
  const listen = (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey || isWriting()) return;
    const place = performance.now() - began < 1500 && places.find((each) => each.key === event.key);
    began = event.key === "g" ? performance.now() : 0;
    if (place) { event.stopImmediatePropagation(); event.preventDefault(); location.assign(place.path); }
    else if (event.key === "?") keysDialog(places);
  };
  document.addEventListener("keydown", listen, true);
  return () => document.removeEventListener("keydown", listen, true);
}

export function render({ model, el }) {
  const { places, path, who, role } = shownOf(model);
  const links = places.map((place) => node("a", {
    href: place.path, "aria-current": place.path === path ? "page" : null, title: `${place.title} (g ${place.key})`,
    target: place.outside ? "_blank" : null, rel: place.outside ? "noopener" : null,
  }, place.title));
  const toggle = node("button", { type: "button", class: "icon", title: "Dark or light", "aria-label": "Dark or light" });
  const wear = (dark) => {
    document.documentElement.dataset.theme = dark ? "dark" : "light";
    toggle.replaceChildren(icon(dark ? MOON : SUN));
  };
  toggle.addEventListener("click", () => {
    const dark = document.documentElement.dataset.theme !== "dark";
    document.cookie = `theme=${dark ? "dark" : "light"}; path=/; max-age=31536000; samesite=strict`;
    wear(dark);
    model.dark = dark;
  });
  wear(model.dark);
  el.append(node("nav", { "aria-label": "Pages" },
    node("a", { class: "brand", href: "/" }, "Alpha Panda"), ...links, node("span", { class: "room" }),
    node("span", { class: "who", title: `Signed in as ${role}` }, who, node("small", {}, role)),
    node("button", { type: "button", class: "quiet", onclick: signOut }, "Sign out"),
    node("button", { type: "button", class: "icon", title: "Keys (?)", "aria-label": "Keys", onclick: () => keysDialog(places) }, "?"), toggle));
  requestAnimationFrame(() => links.find((link) => link.ariaCurrent)?.scrollIntoView({ inline: "center" }));
  return listenToKeys(places);
}
