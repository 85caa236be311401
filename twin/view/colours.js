// Colours of the surface: one value for each texel, then a colour for each value. Scales are safe for the colour-blind.
View.modes = {
  looks: { title: "As it looks", of: "history" },
  cover: { title: "Rust cover", of: "history", unit: "%" },
  loss: { title: "Wall loss of this face", of: "history", unit: "mm" },
  place: { title: "Remaining thickness at each place", of: "place", unit: "mm", level: true },
  zone: { title: "Thinnest place of each zone", of: "zone", unit: "mm", level: true },
  chance: { title: "Chance below required thickness", of: "zone", unit: "%" },
};
const DRAWN = "One history, drawn by the twin's seed. Inspections do not change it.";
View.explained = {
  looks: DRAWN,
  cover: DRAWN,
  loss: DRAWN,
  place: "Forecast from all readings, for a typical place there: without pits, and not the thinnest of its zone.",
  zone: "From the forecast's table: each zone has the colour of its thinnest place, wherever that is.",
  chance: "From the forecast's table: the chance that some place of the zone is thinner than required.",
};

// What a colouring does not know: the drawn history is of the asset as if nothing had been made new.
View.ignores = (mode) => {
  const { events } = View.data;
  if (!events.length || View.modes[mode].of !== "history") return "";
  return ` It ignores the ${events.map(View.eventName).join("; ")}: it shows the asset as if that had not happened.`;
};

// Data scales run from light to dark, so that the dark end is the one to look at.
const SCALES = {
  cover: [[0, 238, 232, 213], [0.5, 217, 133, 54], [1, 90, 38, 16]],
  loss: [[0, 237, 237, 230], [0.25, 253, 187, 132], [0.6, 215, 60, 31], [1, 110, 0, 13]],
  thin: [[0, 58, 9, 62], [0.25, 147, 38, 103], [0.5, 221, 81, 58], [0.75, 252, 165, 50], [1, 244, 242, 190]],
  worse: [[0, 5, 80, 140], [0.25, 107, 174, 214], [0.5, 242, 242, 240], [0.75, 244, 140, 90], [1, 150, 20, 10]],
  better: [[0, 150, 20, 10], [0.25, 244, 140, 90], [0.5, 242, 242, 240], [0.75, 107, 174, 214], [1, 5, 80, 140]],
};
const NONE = [150, 154, 160]; // no surface that the forecast knows

const ramp = (scale) => {
  const table = new Uint8Array(3 * 256);
  for (let i = 0; i < 256; i++) {
    const x = i / 255;
    let k = 0;
    while (k < scale.length - 2 && scale[k + 1][0] <= x) k++;
    const f = (x - scale[k][0]) / (scale[k + 1][0] - scale[k][0]);
    for (let c = 0; c < 3; c++) table[3 * i + c] = Math.round((1 - f) * scale[k][c + 1] + f * scale[k + 1][c + 1]);
  }
  return table;
};
const TABLES = Object.fromEntries(Object.entries(SCALES).map(([name, scale]) => [name, ramp(scale)]));

// The scale of a mode: its table of colours and what both of its ends stand for.
View.scale = (state) => {
  const { fields, nominal } = View.data;
  if (state.base !== null) return { table: View.modes[state.mode].level ? "better" : "worse", low: -View.span, high: View.span };
  if (state.mode === "cover" || state.mode === "chance") return { table: "cover", low: 0, high: 100 };
  if (state.mode === "loss") return { table: "loss", low: 0, high: fields.loss.most };
  return { table: "thin", low: 0, high: nominal };
};

// How far the scale of a change goes on both sides: as far as 98 of 100 texels of the surface, rounded up.
View.spanOf = (changes) => {
  const { stands } = View.data.places, known = [], step = Math.max(1, Math.floor(changes.length / 40000));
  for (let i = 0; i < changes.length; i += step) if (stands[i] !== 65535 && changes[i] === changes[i]) known.push(Math.abs(changes[i]));
  known.sort((a, b) => a - b);
  const most = Math.max(known[Math.floor(0.98 * (known.length - 1))] ?? 0, 0.01), power = 10 ** Math.floor(Math.log10(most));
  return [1, 1.5, 2, 3, 5, 7.5, 10].find((times) => times * power >= most * (1 - 1e-9)) * power;
};

// A value for each texel: percent or mm; NaN where nothing is known.
View.values = (out, mode, level, year) => {
  const { fields, places, zones, years } = View.data, n = fields.count;
  if (mode === "cover") {
    const now = View.clock(year), scale = fields.begins.most / 65534, begin = fields.begin;
    for (let i = 0; i < n; i++) {
      let t = begin[i] === 65535 ? 0 : (now - begin[i] * scale) / 0.3;
      t = t < 0 ? 0 : t > 1 ? 1 : t;
      out[i] = 100 * t * t * (3 - 2 * t);
    }
  } else if (mode === "loss") {
    const [k, f] = View.between(fields.keyYears, year), most = fields.loss.most, loss = fields.losses;
    const table = Float32Array.from({ length: 256 }, (_, i) => (i / 255) ** 2 * most);
    const next = Math.min(k + 1, fields.keyYears.length - 1), a = k * n, b = next * n;
    for (let i = 0; i < n; i++) {
      const before = table[loss[a + i]], after = table[loss[b + i]];
      const share = before || !after ? f : View.lossShare(i, year, fields.keyYears[k], fields.keyYears[next], before, f);
      out[i] = (1 - share) * before + share * after;
    }
  } else {
    const values = new Float32Array(65536).fill(NaN);
    for (let p = 0; p < places.count; p++) {
      const zone = zones[places.zones[p]];
      if (mode === "place") values[p] = View.at(places.keyYears, View.placeLeft(p, level), year);
      else if (mode === "zone") values[p] = View.at(years, View.column(zone, "least_left_mm", level), year, zone.renewed);
      else if (zone.required !== null) values[p] = 100 * View.at(years, zone.chance_below_required, year, zone.renewed);
    }
    for (let i = 0; i < n; i++) out[i] = values[places.stands[i]];
  }
};

// Paint the texture: four bytes for each texel.
View.paint = (pixels, state) => {
  const { fields } = View.data, n = fields.count;
  if (state.mode === "looks") return paintLooks(pixels, state.year);
  View.buffers ??= [new Float32Array(n), new Float32Array(n)];
  const [values, before] = View.buffers;
  View.values(values, state.mode, state.level, state.year);
  const changes = state.base !== null;
  if (changes) {
    View.values(before, state.mode, state.level, state.base);
    for (let i = 0; i < n; i++) values[i] -= before[i];
    View.span = View.spanOf(values);
  }
  const { table, low, high } = View.scale(state), colours = TABLES[table], per = 255 / (high - low || 1);
  for (let i = 0; i < n; i++) {
    const value = values[i];
    if (value !== value) { pixels[4 * i] = NONE[0]; pixels[4 * i + 1] = NONE[1]; pixels[4 * i + 2] = NONE[2]; }
    else {
      const c = 3 * Math.max(0, Math.min(255, Math.round((value - low) * per)));
      pixels[4 * i] = colours[c]; pixels[4 * i + 1] = colours[c + 1]; pixels[4 * i + 2] = colours[c + 2];
    }
    pixels[4 * i + 3] = 255;
  }
};

// The coating, or rust by its age, as twin/export.py draws them.
const paintLooks = (pixels, year) => {
  const { fields } = View.data, n = fields.count, now = View.clock(year), scale = fields.begins.most / 65534;
  const [young, old, darkening] = fields.rust, ground = fields.ground, per = fields.start.most / 65534;
  for (let i = 0; i < n; i++) {
    let t = fields.begin[i] === 65535 ? 0 : (now - fields.begin[i] * scale) / 0.3;
    t = t < 0 ? 0 : t > 1 ? 1 : t;
    const cover = t * t * (3 - 2 * t), age = Math.min(Math.max((year - fields.starts[i] * per) / darkening, 0), 1);
    for (let c = 0; c < 3; c++) {
      pixels[4 * i + c] = 255 * (ground[c] * (1 - cover) + (young[c] * (1 - age) + old[c] * age) * cover);
    }
    pixels[4 * i + 3] = 255;
  }
};

View.legendColours = (table) => {
  const stops = SCALES[table].map(([x, r, g, b]) => `rgb(${r},${g},${b}) ${100 * x}%`);
  return `linear-gradient(to right, ${stops.join(", ")})`;
};
