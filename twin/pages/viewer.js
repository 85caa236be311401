"use strict";
(() => {
  const data = JSON.parse(document.getElementById("data").textContent);
  const { measures, layers, review, pictures } = data;
  const at = id => document.getElementById(id);
  const list = at("list"), spacer = at("spacer"), root = document.documentElement;
  const GAP = 8, TEXT = 62, LEAST = 150, MORE = 2; // pixels; rows drawn above and below what is seen
  const WORDS = { accept: "accepted", reject: "rejected" };

  // What was decided, by the number of the picture: {decision, note}.
  const decided = new Map();
  let undone = []; // for undo, of each step what it replaced: [{number, decision, note}]; no note: it stays as it is
  let order = pictures.map((_, number) => number);
  let chosen = 0; // place in the order
  let layer = layers.length ? 0 : -1;
  let descending = true;
  let zoomed = false;
  const unsaved = new Set(); // numbers of pictures whose decision the browser does not keep

  // --- decisions, kept by the browser until they are downloaded

  // Each decision is an item of its own, by photo and mask. Pages and tabs so keep what others wrote.
  const prefix = review && `corrotwin review ${review.source} `;
  const FORMAT_VERSION = 1;
  const identityNames = Object.keys(pictures[0]?.identity ?? {});
  const identityOf = entry => JSON.stringify(identityNames.map(name => entry[name]));
  const identified = new Map(pictures.map((picture, number) => [identityOf(picture.identity ?? {}), number]));
  const keyOf = number => prefix + identityOf(pictures[number].identity);

  const entries = () => [...decided].sort((one, other) => one[0] - other[0]).map(([number, { decision, note }]) =>
    ({ ...pictures[number].identity, decision, note }));

  const valid = one => ["accept", "reject", ""].includes(one?.decision) && typeof one.note === "string";

  function keep(number) {
    try {
      if (decided.has(number)) localStorage.setItem(keyOf(number), JSON.stringify(decided.get(number)));
      else localStorage.removeItem(keyOf(number));
      unsaved.delete(number);
    } catch { // storage is full or switched off
      unsaved.add(number);
    }
  }

  function restore(number, text) {
    decided.delete(number);
    try {
      const { decision, note } = JSON.parse(text) ?? {};
      if (valid({ decision, note })) decided.set(number, { decision, note });
    } catch { /* it is damaged */ }
  }

  function restoreAll() {
    try {
      pictures.forEach((_, number) => restore(number, localStorage.getItem(keyOf(number))));
    } catch { /* storage is switched off */ }
  }

  // Another tab decided.
  function follow(event) {
    if (event.storageArea !== localStorage) return;
    if (event.key === null) restoreAll();
    else {
      const number = event.key.startsWith(prefix) ? identified.get(event.key.slice(prefix.length)) : undefined;
      if (number === undefined) return;
      restore(number, event.newValue);
      undone = undone.filter(before => before.every(one => one.number !== number));
    }
    relabel();
    look();
    tell();
  }

  const decisionOf = number => decided.get(number)?.decision ?? "";
  const noteOf = number => decided.get(number)?.note ?? "";

  function set(number, decision, note) {
    if (decision || note) decided.set(number, { decision, note });
    else decided.delete(number);
    keep(number);
  }

  // --- order and filter

  const ranges = measures.map(() => ({ low: null, high: null }));

  function passes(number) {
    const picture = pictures[number], wanted = at("state")?.value ?? "all";
    if (wanted === "undecided" ? decisionOf(number) : wanted === "note" ? !noteOf(number)
      : wanted !== "all" && decisionOf(number) !== wanted) return false;
    const words = at("find").value.trim().toLowerCase();
    if (words && !picture.name.toLowerCase().includes(words)) return false;
    return ranges.every(({ low, high }, place) => {
      if (low === null && high === null) return true;
      const value = picture.values[place];
      return value !== null && (low === null || value >= low) && (high === null || value <= high);
    });
  }

  function arrange(follow, always) { // `always` is shown whatever the filter says
    const place = at("sort").value, sign = descending ? -1 : 1;
    const names = (one, other) => pictures[one].name < pictures[other].name ? -1 : 1;
    order = pictures.map((_, number) => number).filter(number => number === always || passes(number));
    if (place === "name") order.sort((one, other) => sign * names(one, other));
    else order.sort((one, other) => {
      const a = pictures[one].values[place], b = pictures[other].values[place];
      if (a === null || b === null) return (a === null) - (b === null) || names(one, other); // without a value: last
      return sign * (a - b) || names(one, other);
    });
    const found = follow === undefined ? -1 : order.indexOf(follow);
    chosen = found >= 0 ? found : Math.max(0, Math.min(chosen, order.length - 1));
    measure();
    choose(chosen);
  }

  // --- the list: only the rows that are seen are in the document

  const cards = new Map(); // by place in the order
  const aspects = pictures.map(picture => picture.aspect).sort((one, other) => one - other);
  const tall = Math.min(1.1, Math.max(0.6, 1 / (aspects[aspects.length >> 1] || 1))); // as most pictures are
  let columns = 1, wide = LEAST, rowHeight = 200, boxHeight = 120;
  let printing = false; // then all rows are in the document

  function measure() {
    const width = list.clientWidth;
    columns = Math.max(1, Math.floor((width + GAP) / (LEAST + GAP)));
    wide = Math.floor((width - GAP * (columns - 1)) / columns);
    boxHeight = Math.round(tall * (wide - 10));
    rowHeight = boxHeight + TEXT + GAP;
    spacer.style.height = Math.max(0, Math.ceil(order.length / columns) * rowHeight - GAP) + "px";
    for (const card of cards.values()) card.remove();
    cards.clear();
    draw();
  }

  function draw() {
    const first = printing ? 0 : Math.max(0, Math.floor(list.scrollTop / rowHeight) - MORE) * columns;
    const last = printing ? order.length : Math.min(order.length, (Math.ceil((list.scrollTop + list.clientHeight) / rowHeight) + MORE) * columns);
    for (const [place, card] of cards) if (place < first || place >= last) { card.remove(); cards.delete(place); }
    for (let place = first; place < last; place += 1) if (!cards.has(place)) cards.set(place, card(place));
  }

  // A browser does not wait for pictures that come into the document when it begins to print.
  async function print() {
    at("status").textContent = "loading pictures for printing";
    const loading = order.flatMap(number => pictures[number].small.map(address => Object.assign(new Image(), { src: address })));
    await Promise.allSettled(loading.map(image => image.decode()));
    printing = true;
    draw();
    await Promise.allSettled([...list.querySelectorAll("img")].map(image => image.decode()));
    tell();
    window.print();
  }

  function card(place) {
    const picture = pictures[order[place]], made = document.createElement("div");
    made.className = "card";
    made.id = "picture-" + order[place];
    made.setAttribute("role", "option");
    made.setAttribute("aria-setsize", order.length);
    made.setAttribute("aria-posinset", place + 1);
    made.dataset.place = place;
    made.style.cssText = `width:${wide}px;height:${rowHeight - GAP}px;left:${(place % columns) * (wide + GAP)}px;`
      + `top:${Math.floor(place / columns) * rowHeight}px`;
    const box = document.createElement("div"), text = document.createElement("div");
    box.className = "box";
    box.style.height = boxHeight + "px";
    text.className = "text";
    box.append(stack(picture, wide - 10, boxHeight));
    made.append(box, text);
    spacer.append(made);
    label(made, place);
    return made;
  }

  function stack(picture, width, height) {
    const made = document.createElement("div"), image = document.createElement("img");
    made.className = "stack";
    size(made, picture, width, height, 1);
    image.alt = "";
    image.decoding = "async";
    [image.src] = picture.small;
    made.append(image);
    const over = document.createElement("div");
    over.className = "layer";
    over.style.backgroundImage = `url("${picture.small[1]}")`;
    made.append(over);
    return made;
  }

  function size(made, picture, width, height, scale) {
    const fitted = scale * Math.min(width, height * picture.aspect);
    made.style.width = Math.max(1, Math.round(fitted)) + "px";
    made.style.height = Math.max(1, Math.round(fitted / picture.aspect)) + "px";
  }

  const shown = (place, value) => value === null ? "unknown"
    : value.toFixed(measures[place].digits) + (measures[place].unit && " " + measures[place].unit);

  function label(made, place) {
    const number = order[place], picture = pictures[number], decision = decisionOf(number);
    const sort = at("sort").value, lines = [picture.name];
    const places = sort === "name" || sort === "0" ? [0] : [sort, 0];
    if (measures.length) lines.push(places.slice(0, 2).map(one => `${measures[one].label} ${shown(one, picture.values[one])}`).join(", "));
    const state = [WORDS[decision], noteOf(number) && "note"].filter(Boolean).join(", ");
    const text = made.lastChild;
    text.replaceChildren(...[...lines, state].map((line, row) => {
      const span = document.createElement("span");
      span.textContent = line;
      if (row === lines.length) span.className = decision;
      return span;
    }));
    made.setAttribute("aria-selected", place === chosen);
    made.setAttribute("aria-label", [...lines, state].filter(Boolean).join(". "));
  }

  const relabel = () => { for (const [place, made] of cards) label(made, place); };

  // --- the chosen picture

  function choose(place, into) {
    chosen = Math.max(0, Math.min(place, order.length - 1));
    const row = Math.floor(chosen / columns), top = row * rowHeight, bottom = top + rowHeight;
    if (into !== "stay") {
      if (top < list.scrollTop) list.scrollTop = top;
      else if (bottom > list.scrollTop + list.clientHeight) list.scrollTop = bottom - list.clientHeight;
    }
    draw();
    relabel();
    if (order.length) list.setAttribute("aria-activedescendant", "picture-" + order[chosen]);
    else list.removeAttribute("aria-activedescendant");
    look();
    tell();
  }

  // The list announces its choice itself, but only while it has the focus.
  function say() {
    if (document.activeElement === list) at("said").textContent = "";
    else if (order.length) at("said").textContent = `${chosen + 1} of ${order.length}: ${cards.get(chosen).getAttribute("aria-label")}`;
    else at("said").textContent = at("name").textContent;
  }

  function step(by) {
    choose(chosen + by);
    say();
  }

  function look() {
    const empty = !order.length;
    at("detail").classList.toggle("empty", empty);
    for (const button of at("detail").querySelectorAll("button, textarea")) button.disabled = empty && button.id !== "close" && button.id !== "undo";
    if (empty) {
      at("name").textContent = "No picture matches the filter";
      at("photo").removeAttribute("src");
      at("stack").lastElementChild.style.backgroundImage = "none";
      at("facts").replaceChildren();
      return;
    }
    const number = order[chosen], picture = pictures[number];
    at("name").textContent = picture.name;
    [at("photo").src] = picture.large;
    at("photo").alt = picture.name;
    at("stack").lastElementChild.style.backgroundImage = `url("${picture.large[1]}")`;
    fit();
    at("facts").replaceChildren(...measures.flatMap((one, place) => {
      const term = document.createElement("dt"), value = document.createElement("dd");
      term.textContent = one.label;
      term.title = one.about;
      value.textContent = shown(place, picture.values[place]);
      return [term, value];
    }));
    if (review) {
      at("accept").setAttribute("aria-pressed", decisionOf(number) === "accept");
      at("reject").setAttribute("aria-pressed", decisionOf(number) === "reject");
      at("undo").disabled = !undone.length;
      if (at("note").value !== noteOf(number)) at("note").value = noteOf(number);
    }
  }

  function fit() {
    const frame = at("frame");
    if (order.length) size(at("stack"), pictures[order[chosen]], frame.clientWidth, frame.clientHeight, zoomed ? 3 : 1);
  }

  function tell() {
    let text = order.length === pictures.length ? `${pictures.length} pictures` : `${order.length} of ${pictures.length} pictures`;
    if (review) {
      const count = word => [...decided.values()].filter(one => one.decision === word).length;
      text += `; ${count("accept")} accepted, ${count("reject")} rejected`;
      if (unsaved.size) text += "; this browser cannot save decisions: download them before you leave";
    }
    at("status").textContent = text;
  }

  const looking = open => {
    document.body.classList.toggle("looking", open);
    if (open) fit();
    else list.focus();
  };
  const narrow = () => getComputedStyle(at("close")).display !== "none";

  // --- deciding

  function decide(word) {
    if (!order.length) return;
    const number = order[chosen], before = decisionOf(number), next = order[chosen + 1];
    undone.push([{ number, decision: before }]);
    set(number, before === word ? "" : word, noteOf(number));
    const goes = before !== word;
    if (passes(number)) {
      if (goes && next !== undefined) choose(chosen + 1);
      else choose(chosen);
    } else arrange(next);
    say();
  }

  function undo() {
    const last = undone.pop();
    if (!last) return;
    for (const { number, decision, note } of last) set(number, decision, note ?? noteOf(number));
    const [{ number }] = last, several = last.length > 1;
    if (several) {
      arrange(order[chosen]);
      at("status").textContent += `; ${last.length} loaded decisions undone`;
      return;
    }
    arrange(number, number);
    say();
    if (!passes(number)) at("status").textContent += `; ${pictures[number].name} is shown although the filter excludes it`;
  }

  function download() {
    const content = { format_version: FORMAT_VERSION, kind: "review", predictions: review.source, decisions: entries() };
    const link = document.createElement("a");
    link.href = URL.createObjectURL(new Blob([JSON.stringify(content, null, 1)], { type: "application/json" }));
    link.download = "decisions.json";
    link.click();
    setTimeout(() => URL.revokeObjectURL(link.href), 1000);
    unsaved.clear();
    tell();
  }

  async function load(file) {
    let said;
    try {
      said = take(JSON.parse(await file.text()));
    } catch (error) {
      said = `not loaded: ${error.message}`;
    }
    arrange(order[chosen]);
    at("status").textContent = said;
  }

  function take(content) {
    if (content?.kind !== "review") throw new Error("not a file of decisions; choose the file that this page downloaded");
    if (content.format_version !== FORMAT_VERSION) throw new Error(`format_version ${content.format_version} is not ${FORMAT_VERSION}; update corrotwin and make the page again`);
    if (content.predictions !== review.source) throw new Error("its decisions are about other photos");
    if (!Array.isArray(content.decisions)) throw new Error("it has no list of decisions");
    const found = new Map(); // by number
    let strange = 0;
    for (const entry of content.decisions) {
      const number = identified.get(identityOf(entry ?? {}));
      if (number === undefined || !valid(entry)) strange += 1;
      else found.set(number, entry);
    }
    const before = [...found.keys()].map(number => ({ number, decision: decisionOf(number), note: noteOf(number) }));
    const replaced = before.filter(({ number, decision, note }) =>
      decision && decision !== found.get(number).decision || note && note !== found.get(number).note).length;
    if (replaced && !confirm(`The file differs from your decisions or notes on ${replaced} photo${replaced === 1 ? "" : "s"}. Replace yours?`)) {
      return "not loaded: your decisions and notes are unchanged";
    }
    for (const [number, { decision, note }] of found) set(number, decision, note);
    if (before.length) undone.push(before);
    return `${before.length} decision${before.length === 1 ? "" : "s"} loaded` + (strange ? `; ${strange} not loaded: about photos or masks that are not on this page` : "");
  }

  // --- overlays

  function lay(place) {
    layer = place;
    document.body.classList.toggle("no-layer", place < 0);
    root.style.setProperty("--all", 100 * layers.length + "%");
    root.style.setProperty("--at", layers.length > 1 ? 100 * Math.max(0, place) / (layers.length - 1) + "%" : "0");
    for (const radio of document.getElementsByName("layer")) radio.checked = +radio.value === place;
    at("legend").replaceChildren(...(place < 0 ? [] : layers[place].legend).map(([colour, text]) => {
      const item = document.createElement("li"), patch = document.createElement("i");
      patch.style.background = colour;
      item.append(patch, text);
      return item;
    }));
  }

  const opaque = percent => {
    at("opacity").value = percent;
    root.style.setProperty("--opacity", at("opacity").value / 100);
  };

  // --- controls

  function build() {
    const option = (value, text) => at("sort").append(new Option(text, value));
    measures.forEach((one, place) => option(place, one.label));
    option("name", "name");
    const radio = (value, text) => {
      const made = document.createElement("label"), input = document.createElement("input");
      Object.assign(input, { type: "radio", name: "layer", value });
      input.addEventListener("change", () => lay(value));
      made.append(input, " " + text);
      at("layers").append(made);
    };
    radio(-1, "none");
    layers.forEach((one, place) => radio(place, one.label));
    measures.forEach((one, place) => {
      const row = document.createElement("span");
      row.title = one.about;
      row.append(one.label + (one.unit && ` (${one.unit})`) + " ");
      for (const end of ["low", "high"]) {
        const input = document.createElement("input");
        input.type = "number";
        input.step = "any";
        input.setAttribute("aria-label", `${one.label}, ${end === "low" ? "at least" : "at most"}`);
        input.addEventListener("input", () => {
          ranges[place][end] = input.value === "" ? null : +input.value;
          arrange(order[chosen]);
        });
        row.append(end === "low" ? "from " : " to ", input);
      }
      at("ranges").append(row);
    });
  }

  const turn = () => { at("order").textContent = descending ? "largest first" : "smallest first"; };

  function press(event) {
    if ((event.ctrlKey || event.metaKey) && !event.shiftKey && !event.altKey && event.key.toLowerCase() === "p") {
      event.preventDefault();
      if (!event.repeat) print();
      return;
    }
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    const inside = event.target, typing = inside.matches("textarea, select, input:not([type=checkbox]):not([type=radio])");
    if (event.key === "Escape") {
      if (inside === at("note")) at("frame").focus();
      else if (document.body.classList.contains("looking")) looking(false);
      return;
    }
    if (typing) return;
    // A key that is held down decides once.
    if (event.repeat && event.key === "Enter" && ["accept", "reject", "undo"].includes(inside.id)) event.preventDefault();
    const page = Math.max(1, Math.floor(list.clientHeight / rowHeight)) * columns;
    const steps = { ArrowLeft: -1, ArrowRight: 1, ArrowUp: -columns, ArrowDown: columns, PageUp: -page, PageDown: page, Home: -Infinity, End: Infinity };
    if (inside === list && event.key in steps) {
      event.preventDefault();
      choose(Math.max(0, Math.min(order.length - 1, chosen + steps[event.key])));
    } else if (inside === list && event.key === "Enter") {
      if (narrow()) looking(true);
      at("frame").focus();
    } else if (at("keys").checked) {
      const one = event.key.toLowerCase();
      if (event.repeat && "aru".includes(one)) return;
      if (one === "j") step(1);
      else if (one === "k") step(-1);
      else if (one === "z") enlarge();
      else if (one === "+" || one === "=") opaque(+at("opacity").value + 10);
      else if (one === "-") opaque(+at("opacity").value - 10);
      else if (/^[0-9]$/.test(one) && +one <= layers.length) lay(+one - 1);
      else if (review && one === "a") decide("accept");
      else if (review && one === "r") decide("reject");
      else if (review && one === "u") undo();
      else if (review && one === "n") { if (narrow()) looking(true); at("note").focus(); event.preventDefault(); }
    }
  }

  function enlarge() {
    zoomed = !zoomed;
    at("zoom").setAttribute("aria-pressed", zoomed);
    fit();
  }

  build();
  turn();
  if (review) {
    restoreAll();
    window.addEventListener("storage", follow);
    at("state").addEventListener("change", () => arrange(order[chosen]));
    at("accept").addEventListener("click", () => decide("accept"));
    at("reject").addEventListener("click", () => decide("reject"));
    at("undo").addEventListener("click", undo);
    at("note").addEventListener("input", () => {
      set(order[chosen], decisionOf(order[chosen]), at("note").value);
      relabel();
      tell();
    });
    at("download").addEventListener("click", download);
    at("load").addEventListener("change", event => { if (event.target.files[0]) load(event.target.files[0]); event.target.value = ""; });
    window.addEventListener("beforeunload", event => { if (unsaved.size) event.preventDefault(); });
  }
  at("sort").addEventListener("change", () => arrange());
  at("order").addEventListener("click", () => { descending = !descending; turn(); arrange(); });
  at("find").addEventListener("input", () => arrange(order[chosen]));
  for (const form of ["controls", "overlay"]) at(form).addEventListener("submit", event => event.preventDefault());
  at("opacity").addEventListener("input", () => opaque(at("opacity").value));
  at("previous").addEventListener("click", () => step(-1));
  at("next").addEventListener("click", () => step(1));
  at("zoom").addEventListener("click", enlarge);
  at("print").addEventListener("click", print);
  at("close").addEventListener("click", () => looking(false));
  list.addEventListener("click", event => {
    const made = event.target.closest(".card");
    if (!made) return;
    choose(+made.dataset.place, "stay");
    if (narrow()) { looking(true); at("frame").focus(); }
  });
  let waiting = false;
  list.addEventListener("scroll", () => {
    if (waiting) return;
    waiting = true;
    requestAnimationFrame(() => { waiting = false; draw(); });
  }, { passive: true });
  document.addEventListener("keydown", press);
  for (const name of ["beforeprint", "afterprint"]) window.addEventListener(name, () => { printing = name === "beforeprint"; draw(); });
  new ResizeObserver(() => { if (!printing) { measure(); choose(chosen); } }).observe(list);
  new ResizeObserver(fit).observe(at("frame"));
  lay(layer);
  opaque(50);
  function answerAddress() { // ...#NAME shows that picture first
    const asked = pictures.findIndex(one => location.hash === `#${encodeURIComponent(one.name)}`);
    arrange(asked < 0 ? undefined : asked);
    if (asked >= 0 && narrow()) looking(true);
  }
  window.addEventListener("hashchange", answerAddress);
  answerAddress();
  list.focus();
})();
