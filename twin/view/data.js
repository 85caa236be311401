// The page's data: numbers unpacked, dates, units, and values between two years.
"use strict";
const View = { days: 86400000, yearMs: 31557600000 };

View.unpack = async (item) => {
  const text = atob(item.data), bytes = new Uint8Array(text.length);
  for (let i = 0; i < text.length; i++) bytes[i] = text.charCodeAt(i);
  const stream = new Blob([bytes]).stream().pipeThrough(new DecompressionStream("deflate"));
  const kinds = { Uint8Array, Uint16Array, Uint32Array };
  return new kinds[item.type](await new Response(stream).arrayBuffer());
};

View.load = async () => {
  const data = JSON.parse(document.getElementById("data").textContent);
  const { geometry, fields, places } = data;
  const packed = [geometry.position, geometry.uv, geometry.index, fields.start, fields.begins, fields.loss,
    places.at, places.zone, places.nominal, places.left];
  const [position, uv, index, start, begins, loss, at, zone, nominal, left] = await Promise.all(packed.map(View.unpack));
  Object.assign(geometry, { positions: position, uvs: uv, indices: index });
  Object.assign(fields, { starts: start, begin: begins, losses: loss, count: fields.shape[0] * fields.shape[1] });
  Object.assign(places, { stands: at, zones: zone, nominals: nominal, lefts: left, count: zone.length });
  View.data = data;
  View.first = Date.parse(data.built);
  View.end = data.years[data.years.length - 1];
  return data;
};

View.date = (years) => new Date(View.first + years * View.yearMs).toISOString().slice(0, 10);
View.moment = (years) => `${View.date(years)} (year ${years.toFixed(1)})`;

// Lengths: kept in mm, shown in mm or inch.
View.unit = "mm";
View.inUnit = (mm) => (View.unit === "inch" ? mm / 25.4 : mm);
View.number = (mm) => View.inUnit(mm).toFixed(View.unit === "inch" ? 3 : 2);
View.length = (mm) => `${View.number(mm)} ${View.unit === "inch" ? "in" : "mm"}`;
View.change = (text) => (text.startsWith("-") ? `−${text.slice(1)}` : `+${text}`);
View.eventName = (event) => `${event.kind} of ${`${event.zone} ${event.place}`.trim()} on ${event.date}`;
View.percent = (share, digits = 1) => `${share.toFixed(digits)} %`;
View.life = (years) => (years === null ? `beyond ${View.data.ahead.toPrecision(3)}` : `${+years.toPrecision(3)}`);

// Where a year lies among some years: the one before it, and the share of the way to the next.
View.between = (grid, year) => {
  let k = 0;
  while (k < grid.length - 2 && grid[k + 1] <= year) k++;
  if (grid.length < 2) return [0, 0];
  return [k, Math.min(Math.max((year - grid[k]) / (grid[k + 1] - grid[k]), 0), 1)];
};
// Before a renewal among these years the last value from before it stands: nothing goes gradually from old to new.
View.at = (grid, values, year, renewed = []) => {
  let [k, share] = View.between(grid, year);
  if (share < 1 && renewed.includes(grid[k + 1])) share = 0;
  return share === 0 ? values[k] : (1 - share) * values[k] + share * values[Math.min(k + 1, values.length - 1)];
};
View.column = (zone, name, level) => zone[level ? `${name}_p${level}` : name];

View.placeLeft = (place, level) => {
  const { keyYears, lefts, left } = View.data.places, column = { 5: 0, 50: 1, 95: 2 }[level];
  return keyYears.map((_, k) => (lefts[(place * keyYears.length + k) * 3 + column] * left.most) / 65535);
};
View.placeNominal = (place) => (View.data.places.nominals[place] * View.data.places.nominal.most) / 65535;
View.clock = (years) => {
  const [starts, paces] = View.data.fields.clock;
  let reading = 0;
  for (let k = 0; k < starts.length; k++) {
    const until = k + 1 < starts.length ? Math.min(starts[k + 1], years) : years;
    if (until > starts[k]) reading += (until - starts[k]) * paces[k];
  }
  return reading;
};
View.coverAt = (texel, years) => {
  const { begin, begins } = View.data.fields;
  if (begin[texel] === 65535) return 0;
  const ramp = Math.min(Math.max((View.clock(years) - (begin[texel] * begins.most) / 65534) / 0.3, 0), 1);
  return ramp * ramp * (3 - 2 * ramp);
};
View.lossOfKey = (texel, k) => {
  const { losses, loss, count } = View.data.fields, root = losses[k * count + texel] / 255;
  return root * root * loss.most;
};
// The share of the way between key years a and b; loss that begins between them goes with the square root of time.
View.lossShare = (texel, year, a, b, before, share) => {
  const { starts, start } = View.data.fields;
  if (before || starts[texel] === 65535) return share;
  const begun = (starts[texel] * start.most) / 65534;
  if (begun <= a || begun >= b) return share;
  return year <= begun ? 0 : Math.sqrt((year - begun) / (b - begun));
};
View.lossAt = (texel, year) => {
  const grid = View.data.fields.keyYears, [k, share] = View.between(grid, year), next = Math.min(k + 1, grid.length - 1);
  const before = View.lossOfKey(texel, k), f = View.lossShare(texel, year, grid[k], grid[next], before, share);
  return (1 - f) * before + f * View.lossOfKey(texel, next);
};
