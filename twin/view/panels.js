// What is told of a zone, a place or an inspection that was chosen; and the lists of both.
View.worst = () => {
  const last = View.data.years.length - 1;
  const zones = View.data.zones.filter((zone) => zone.centre);
  const order = (zone) => [
    zone.required === null ? 1 : 0,
    -(zone.chance_below_required[last] ?? 0),
    zone.life?.[0] ?? Infinity,
    zone.least_left_mm_p5[last],
    zone.least_left_mm_p50[last],
  ];
  return zones.sort((a, b) => {
    const [first, second] = [order(a), order(b)], k = first.findIndex((value, index) => value !== second[index]);
    return k < 0 ? 0 : first[k] - second[k];
  });
};

const three = (zone, name) => ["p5", "p50", "p95"].map((level) => zone[`${name}_${level}`]);
const spread = (values, format) => `${format(values[1])} (${format(values[0])} to ${format(values[2])})`;

View.zoneRow = (zone, year) => {
  const { years } = View.data, now = (values) => View.at(years, values, year, zone.renewed);
  const chance = zone.chance_below_required[0] === null ? "–" : View.percent(100 * now(zone.chance_below_required));
  return [
    spread(three(zone, "least_left_mm").map(now), View.number),
    chance,
    zone.required === null ? "–" : zone.undated ? "no date" : zone.life ? View.life(zone.life[0]) : "–",
    spread(three(zone, "rusted_percent").map(now), (value) => value.toFixed(0)),
  ];
};

View.tell = {
  zone(zone, state) {
    const { years } = View.data, { make } = View, [low, middle, high] = three(zone, "least_left_mm");
    const [few, half, many] = three(zone, "rusted_percent"), points = readingsOf((marker) => marker.zone === zone.name || zone.name === "all");
    const said = [make("h3", {}, zone.name === "all" ? "Whole asset" : `Zone ${zone.name}`)];
    if (zone.undated) said.push(make("p", {}, `No date is given: ${zone.undated}.`));
    else if (zone.life) said.push(make("p", {}, `Remaining life from ${View.date(View.data.now)}: P5 ${View.life(zone.life[0])}, P50 ${View.life(zone.life[1])}, P95 ${View.life(zone.life[2])} years.`));
    const common = { years, year: state.year, events: eventsOf(zone.name), renewed: zone.renewed };
    said.push(View.chart({ ...common, title: `Thinnest place, ${View.unit}: P50 and P5 to P95`, low, middle, high, points,
      required: zone.required, format: View.length, axis: View.inUnit }));
    said.push(View.chart({ ...common, title: "Rusted surface, %: P50 and P5 to P95", low: few, middle: half, high: many,
      format: (value) => View.percent(value), axis: (value) => value }));
    if (zone.chance_below_required[0] !== null) {
      said.push(View.chart({ ...common, title: `Chance that some place is below ${zone.required === null ? "its requirement" : View.length(zone.required)}, %`, low: null,
        middle: zone.chance_below_required.map((chance) => 100 * chance), high: null, format: (value) => View.percent(value), axis: (value) => value }));
    }
    return said;
  },

  place({ texel, position }, state) {
    const { fields, places, zones } = View.data, { make } = View, stands = places.stands[texel];
    const at = `x ${position[0].toFixed(3)}, y ${position[1].toFixed(3)}, z ${position[2].toFixed(3)} m`;
    const grid = fields.keyYears, wall = places.keyYears, began = fields.starts[texel] === 65535 ? null : (fields.starts[texel] * fields.start.most) / 65534;
    if (stands === 65535) return [make("h3", {}, "Covered by other steel"), make("p", {}, `${at}: no air reaches it.`)];
    const zone = zones[places.zones[stands]], levels = [5, 50, 95].map((level) => View.placeLeft(stands, level));
    const said = [make("h3", {}, `A place on ${zone.name}`), make("p", {}, `${at}; ${View.length(View.placeNominal(stands))} when new.`)];
    said.push(View.chart({ title: `Thickness at a place like this one, ${View.unit}: P50 and P5 to P95, without pits`, years: wall, low: levels[0],
      middle: levels[1], high: levels[2], required: zone.required, events: eventsOf(zone.name), format: View.length, axis: View.inUnit, year: state.year }));
    said.push(View.chart({ title: `Wall loss of this face in the history shown, ${View.unit}`, years: grid, low: null, high: null,
      middle: grid.map((_, k) => View.lossOfKey(texel, k)), format: View.length, axis: View.inUnit, year: state.year }));
    const loss = View.length(View.lossAt(texel, state.year)), cover = View.percent(100 * View.coverAt(texel, state.year), 0);
    said.push(make("p", {}, `In the history shown, on ${View.moment(state.year)}: ${loss} lost, rust cover ${cover}; corrosion ${began === null ? "has not begun by the end" : `begins ${View.date(began)}`}.${View.ignores("looks")}`));
    const thinnest = three(zone, "least_left_mm").map((values) => View.at(View.data.years, values, state.year, zone.renewed));
    said.push(make("p", {}, `The thinnest place of ${zone.name} at that time: ${spread(thinnest, View.length)}. Base decisions on this value.`),
      make("button", { type: "button", onclick: () => View.choose({ zone }) }, `Forecast of ${zone.name}`));
    return said;
  },

  marker(marker, state) {
    const { make } = View, readings = marker.readings, years = View.data.years;
    const said = [make("h3", {}, `${NAMES[marker.kind]}: ${marker.name}`), make("p", {}, `Zone ${marker.kind === "photo" ? readings.map((one) => one.zone).join(", ") : marker.zone}. ${marker.position ? "" : "Its position on the zone was not recorded."}`)];
    if (marker.left) {
      const [low, middle, high] = [0, 1, 2].map((level) => marker.left.map((values) => values[level]));
      const zone = View.data.zones.find((one) => one.name === marker.zone);
      said.push(View.chart({ title: `Thickness here, ${View.unit}: P50 and P5 to P95`, years, low, middle, high, points: readingsOf((one) => one === marker),
        required: marker.required, events: eventsOf(marker.zone), renewed: zone?.renewed, format: View.length, axis: View.inUnit, year: state.year }));
    }
    const rows = readings.map((one) => [one.date, one.zone, shown(one), [one.tool, one.note, one.removed ? REMOVED : ""].filter(Boolean).join(", ")]);
    said.push(View.table(["date", "zone", "value", "tool"], rows, "Readings"));
    if (marker.kind === "photo") said.push(make("p", {}, "The rusted share of each zone in view, as the photograph shows it."));
    return said;
  },
};

const REMOVED = "from steel that has since been replaced";
const eventsOf = (zone) => View.data.events.filter((event) => zone === "all" || event.zone === "all" || event.zone === zone || View.data.zones.find((one) => one.name === zone)?.renewed.includes(event.years));
const NAMES = { ultrasonic: "Thickness", pit: "Pit", grade: "Degree of rusting", photo: "Photograph" };
const shown = (one) => (one.unit === "mm" ? View.length(one.value) : one.unit === "share" ? View.percent(100 * one.value) : `Ri ${one.value}`);
const readingsOf = (choose) => View.data.markers.filter((marker) => marker.kind === "ultrasonic" && choose(marker))
  .flatMap((marker) => marker.readings.map((one) => ({ years: one.years, value: one.value, removed: one.removed,
    title: `${marker.name}, ${one.date}: ${View.length(one.value)}${one.removed ? `, ${REMOVED}` : ""}` })));

View.markerLabel = (marker) => {
  const last = marker.readings[marker.readings.length - 1], count = marker.readings.length;
  const when = marker.name === last.date ? "" : ` on ${last.date}`;
  return `${NAMES[marker.kind]} ${marker.name}, ${marker.zone}: ${shown(last)}${when}${count > 1 && marker.kind !== "photo" ? `, ${count} readings` : ""}${marker.position ? "" : " (position not recorded)"}${last.removed ? `, ${REMOVED}` : ""}`;
};

// Whether a zone is too thin now, by the zones for which a thickness is required.
const belowNow = (below) => {
  const zones = Object.entries(below).filter(([name]) => name !== "all").sort((a, b) => b[1] - a[1]);
  const likely = zones.filter(([, chance]) => chance >= 0.5).map(([name, chance]) => `${name} (${View.percent(100 * chance)})`);
  if (likely.length) return `Probably below the required thickness already: ${likely.join(", ")}.`;
  return `The chance that some place is below its required thickness already is ${View.percent(100 * below.all)}.`;
};
// A date by which something is due, as the reader of that day must see it.
const due = (what, date, because, today) => (date < today ? `${what} was due by ${date} and is overdue, unless it was done since (${because})`
  : `${what} by ${date}${date === View.date(View.data.now) ? ", which is now" : ""} (${because})`);

// What the page says at its top, to a reader of some day.
View.answer = (today = new Date().toISOString().slice(0, 10)) => {
  const { plan } = View.data, past = View.date(View.data.now);
  if (!plan) return `As of ${past}. No required thickness was given, so there is no remaining life and no date; give --required.`;
  const now = belowNow(plan.below);
  const measure = (what) => due(what, plan.measure, plan.because, today);
  const look = (what) => due(what, plan.look, `rule ${plan.rule}`, today);
  if (!plan.life) return `As of ${past}. ${now} No remaining life and no date can be given for ${plan.undated.join(", ")}.${plan.measure ? ` ${measure("Next thickness measurement of the other zones")}.` : ""} ${look("External visual inspection")}.`;
  const [low, middle, high] = plan.life.map(View.life);
  return `As of ${past}. ${now} Remaining life from then: P5 ${low}, P50 ${middle}, P95 ${high} years; weakest zone ${plan.zone}. ${measure("Next thickness measurement")}; ${look("external visual inspection")}.`;
};
