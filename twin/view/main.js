// The page: its controls, its state, and what follows from a change.
const by = (id) => document.getElementById(id);

const begin = async () => {
  const data = await View.load();
  View.unit = data.units;
  const state = { mode: "looks", level: 5, year: data.compared ? data.compared[1] : data.now, base: data.compared ? data.compared[0] : null, chosen: null };
  if (data.compared) state.mode = "loss";
  if (data.events.length) state.mode = "place"; // the drawn history does not know of them
  const scene = (View.scene = new View.Scene(by("canvas"), (found) => {
    if (found?.marker !== undefined) View.choose({ marker: data.markers[found.marker] });
    else if (found) View.choose({ place: found });
    else say("nothing there");
  }, (text) => say(text)));
  View.state = state;
  scene.mark(data.markers);

  const say = (text) => { by("status").textContent = text; };
  const repaint = () => scene.paint(state);
  let follow = [];

  View.choose = (chosen, quiet = false) => {
    state.chosen = chosen;
    scene.spot.visible = false;
    const { zone, marker, place } = chosen;
    let inside = false;
    if (zone?.centre && !quiet) {
      const eye = scene.look(zone.centre.slice(0, 3), null, zone.centre[3]);
      inside = scene.hidden(zone.centre.slice(0, 3), eye);
    }
    if (marker?.position && !quiet) scene.look(marker.position, marker.normal, 0.5 * scene.reach);
    scene.outline(zone?.centre && !quiet ? data.zones.indexOf(zone) : -1);
    const at = place ?? marker;
    if (at?.position) scene.place(scene.spot, at.position, at.normal);
    const within = by("told").contains(document.activeElement);
    tell();
    if (inside) by("told").querySelector("h3").after(View.make("p", { class: "hint inside" }, "Its middle is hidden behind other steel: choose a section to look inside."));
    if (within) by("told").querySelector("h3").focus({ preventScroll: true });
    if (quiet) return;
    const still = matchMedia("(prefers-reduced-motion: reduce)").matches;
    by("chosen").scrollIntoView({ block: "start", behavior: still ? "auto" : "smooth" });
    say(`${by("told").querySelector("h3").textContent} selected; details are under Selection`);
  };
  const tell = () => {
    if (!state.chosen) return;
    const [kind, what] = Object.entries(state.chosen)[0];
    const open = [...by("told").querySelectorAll("details")].map((details) => details.open);
    by("told").replaceChildren(...View.tell[kind](what, state));
    by("told").querySelector("h3").tabIndex = -1;
    by("told").querySelectorAll("details").forEach((details, k) => { details.open = open[k] ?? false; });
    follow = [...by("told").querySelectorAll("figure")];
  };

  const legend = () => {
    const mode = View.modes[state.mode], changes = state.base !== null && state.mode !== "looks";
    by("explained").textContent = View.explained[state.mode] + View.ignores(state.mode);
    by("level-row").hidden = !mode.level;
    by("legend").hidden = state.mode === "looks";
    if (state.mode === "looks") return;
    const { table, low, high } = View.scale({ ...state, base: changes ? state.base : null });
    const one = (value) => (mode.unit === "%" ? View.percent(value, Math.abs(value) < 2 && value ? 2 : 0) : View.length(value));
    const format = (value) => (changes ? View.change(one(value)) : one(value));
    by("bar").style.background = View.legendColours(table);
    by("low").textContent = `${changes ? "≤ " : ""}${format(low)}`;
    by("zero").hidden = !changes;
    by("zero").textContent = `0 in the middle; red is worse: ${table === "better" ? "less wall" : "more"}`;
    const more = changes || table === "thin" ? "≥ " : "";
    by("high").textContent = `${more}${format(high)}`;
    by("legend-title").textContent = changes ? `Change of ${mode.title.toLowerCase()} between ${View.date(state.base)} and ${View.date(state.year)}` : mode.title + (mode.level ? `, P${state.level}` : "");
  };

  // Rows stay, so that the button that has the focus keeps it; their order does not depend on the date.
  const rows = View.worst().map((zone) => {
    const button = View.make("button", { type: "button", class: "link", onclick: () => View.choose({ zone }) }, zone.name);
    const cells = View.zoneRow(zone, state.year).map(() => View.make("td"));
    by("zones").append(View.make("tr", {}, View.make("th", { scope: "row" }, button), ...cells));
    return { zone, cells };
  });
  const zones = () => {
    for (const { zone, cells } of rows) View.zoneRow(zone, state.year).forEach((text, k) => { cells[k].textContent = text; });
    by("thinnest").textContent = `thinnest ${View.unit === "inch" ? "in" : "mm"}`;
  };

  const setYear = (year, quiet = false) => {
    state.year = year;
    by("year").value = year;
    by("year").setAttribute("aria-valuetext", View.moment(year));
    by("date").textContent = View.moment(year) + (Math.abs(year - data.now) < 0.026 ? ", now" : year > data.now ? ", forecast" : "")
      + data.events.filter((event) => Math.abs(year - event.years) < 0.026).map((event) => `, ${event.kind} of ${`${event.zone} ${event.place}`.trim()}`).join("");
    repaint();
    legend();
    zones();
    if (quiet) follow.forEach((figure) => figure.follow(year));
    else tell();
  };
  const setBase = (year) => {
    state.base = year;
    by("base-row").hidden = year === null;
    if (year !== null) {
      by("base").value = year;
      by("base").setAttribute("aria-valuetext", View.moment(year));
      by("base-date").textContent = View.date(year);
    }
    repaint();
    legend();
  };

  // Year
  for (const id of ["year", "base"]) by(id).max = View.end;
  by("event-years").append(...data.events.map((event) => View.make("option", { value: event.years, label: View.eventName(event) })));
  by("year").addEventListener("input", () => setYear(Math.min(+by("year").value, View.end), true));
  by("year").addEventListener("change", () => { tell(); say(View.moment(state.year)); });
  by("now").addEventListener("click", () => { setYear(data.now); say(`now, ${View.moment(data.now)}`); });
  let timer = null;
  const stop = () => { clearInterval(timer); timer = null; by("play").textContent = "Play"; };
  by("play").addEventListener("click", () => {
    if (timer) return stop();
    if (state.year >= View.end - 1e-6) setYear(0);
    by("play").textContent = "Stop";
    timer = setInterval(() => {
      setYear(Math.min(state.year + View.end / 120, View.end), true);
      if (state.year >= View.end - 1e-6) stop();
    }, 120);
  });
  by("compare").checked = state.base !== null;
  by("compare").addEventListener("change", () => {
    if (by("compare").checked && state.mode === "looks") setMode("loss");
    setBase(by("compare").checked ? +by("base").value : null);
  });
  by("base").addEventListener("input", () => setBase(Math.min(+by("base").value, View.end)));

  // Colours
  const required = data.zones.some((zone) => zone.required !== null);
  for (const [name, mode] of Object.entries(View.modes)) {
    const without = name === "chance" && !required;
    by("mode").append(View.make("option", { value: name, disabled: without }, mode.title + (without ? " (none given)" : "")));
  }
  const setMode = (mode) => {
    state.mode = mode;
    by("mode").value = mode;
    if (mode === "looks" && state.base !== null) { by("compare").checked = false; setBase(null); }
    repaint();
    legend();
  };
  by("mode").addEventListener("change", () => setMode(by("mode").value));
  by("level").addEventListener("change", () => { state.level = +by("level").value; repaint(); legend(); });
  by("units").value = View.unit;
  by("units").addEventListener("change", () => { View.unit = by("units").value; legend(); zones(); tell(); lists(); });

  // Section
  const section = () => {
    const axis = by("axis").value;
    by("section-row").hidden = axis === "none";
    scene.section(axis, +by("at").value, by("flip").checked);
    if (axis === "none") return;
    by("at").setAttribute("aria-valuetext", `${axis} ${scene.sectionAt.toFixed(3)} m`);
    by("section-at").textContent = `${axis} = ${scene.sectionAt.toFixed(3)} m`;
  };
  for (const id of ["axis", "at", "flip"]) by(id).addEventListener("input", section);

  // Lists
  const lists = () => {
    const items = data.markers.map((marker) => View.make("li", {},
      View.make("button", { type: "button", class: "link", onclick: () => View.choose({ marker }) }, View.markerLabel(marker))));
    by("markers").replaceChildren(...items);
    by("no-markers").hidden = items.length > 0;
  };
  by("events").append(...data.events.map((event) => View.make("li", {},
    View.make("button", { type: "button", class: "link", onclick: () => { setYear(event.years); say(`${View.eventName(event)}, ${View.moment(event.years)}`); } }, View.eventName(event)),
    `: ${event.effect}${event.why ? ` (${event.why})` : ""}`)));
  by("no-events").hidden = data.events.length > 0;
  by("answer").textContent = View.answer();
  by("note").textContent = data.note;
  by("whole").addEventListener("click", () => View.choose({ zone: data.zones.find((zone) => zone.name === "all") }));

  // View and theme
  by("home").addEventListener("click", () => scene.home());
  by("pins").addEventListener("change", () => { scene.pins.visible = by("pins").checked; scene.draw(); });
  by("shot").addEventListener("click", async () => {
    const link = View.make("a", { download: `${data.name}-${View.date(state.year)}-${state.mode}.png`, href: URL.createObjectURL(await scene.screenshot()) });
    link.click();
    setTimeout(() => URL.revokeObjectURL(link.href), 10000);
    say("screenshot saved");
  });
  const dark = matchMedia("(prefers-color-scheme: dark)");
  const theme = () => {
    const chosen = by("theme").value === "system" ? (dark.matches ? "dark" : "light") : by("theme").value;
    document.documentElement.dataset.theme = chosen;
    scene.ground(getComputedStyle(document.documentElement).getPropertyValue("--stage").trim());
  };
  by("theme").addEventListener("change", theme);
  dark.addEventListener("change", theme);

  theme();
  lists();
  setMode(state.mode);
  setBase(state.base);
  setYear(state.year);
  View.choose({ zone: View.worst()[0] ?? data.zones[0] }, true);
  by("loading").remove();
  document.documentElement.dataset.ready = "yes";
};

begin().catch((error) => {
  by("loading").textContent = `This page needs a browser with WebGL and DecompressionStream (Chrome 80, Firefox 113, Safari 16.4 or later): ${error.message}`;
  throw error;
});
