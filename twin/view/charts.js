// Elements and charts: a band over the years as SVG, with its numbers as a table for those who cannot see it.
View.make = (name, attributes = {}, ...children) => {
  const svg = ["svg", "path", "line", "circle", "text", "g", "title"].includes(name);
  const element = svg ? document.createElementNS("http://www.w3.org/2000/svg", name) : document.createElement(name);
  for (const [key, value] of Object.entries(attributes)) {
    if (key.startsWith("on")) element.addEventListener(key.slice(2), value);
    else if (value !== null && value !== false) element.setAttribute(key, value === true ? "" : value);
  }
  element.append(...children.filter((child) => child !== null && child !== undefined));
  return element;
};

const niceSteps = (low, high, count) => {
  const rough = (high - low) / count || 1, power = 10 ** Math.floor(Math.log10(rough));
  const step = power * [1, 2, 5, 10].find((times) => times * power >= 0.85 * rough);
  const steps = [];
  for (let value = Math.ceil(low / step - 1e-9) * step; value <= high + 1e-9 * step; value += step) steps.push(value);
  return steps;
};

// years: (T,); low, middle, high: (T,) or null for low and high; points: [{years, value, title}]; format: of a value.
View.chart = ({ title, years, low, middle, high, points = [], required = null, events = [], renewed = [], format, axis, year }) => {
  const width = 340, height = 170, [left, right, top, bottom] = [46, 8, 10, 26], { make } = View;
  const all = [...middle, ...(low ?? []), ...(high ?? []), ...points.map((point) => point.value), required ?? middle[0]];
  const most = Math.max(...all) * 1.05 || 1, first = years[0], last = years[years.length - 1];
  const x = (value) => left + ((value - first) / (last - first || 1)) * (width - left - right);
  const y = (value) => height - bottom - (value / most) * (height - top - bottom);
  const steps = years.map((at, k) => k > 0 && renewed.includes(at)); // there, values jump from the ones before
  const path = (values, order) => order.map((k) => {
    const here = [`${x(years[k]).toFixed(1)},${y(values[k]).toFixed(1)}`];
    if (steps[k]) here.unshift(`${x(years[k]).toFixed(1)},${y(values[k - 1]).toFixed(1)}`);
    return order[0] === 0 ? here : here.reverse();
  }).flat().join("L");
  const forth = [...years.keys()], line = (values) => `M${path(values, forth)}`;
  const parts = [];
  for (const value of niceSteps(0, axis(most), 5)) {
    const at = y((value / axis(most)) * most);
    parts.push(make("line", { class: "grid", x1: left, x2: width - right, y1: at, y2: at }));
    parts.push(make("text", { class: "tick", x: left - 5, y: at + 4, "text-anchor": "end" }, `${+value.toPrecision(6)}`));
  }
  const begin = View.first / View.yearMs + 1970;
  for (const value of niceSteps(begin + first, begin + last, 5)) {
    parts.push(make("text", { class: "tick", x: x(value - begin), y: height - 8, "text-anchor": "middle" }, `${Math.round(value)}`));
  }
  if (low) {
    parts.push(make("path", { class: "band", d: `${line(low)}L${path(high, forth.slice().reverse())}Z` }));
  }
  parts.push(make("path", { class: "middle", d: line(middle) }));
  if (required !== null) {
    parts.push(make("line", { class: "required", x1: left, x2: width - right, y1: y(required), y2: y(required) }));
    parts.push(make("text", { class: "tick", x: width - right, y: y(required) - 3, "text-anchor": "end" }, `required ${format(required)}`));
  }
  parts.push(make("line", { class: "now", x1: x(View.data.now), x2: x(View.data.now), y1: top, y2: height - bottom }));
  const mark = make("line", { class: "year", x1: x(year), x2: x(year), y1: top, y2: height - bottom });
  parts.push(mark);
  for (const event of events) {
    parts.push(make("line", { class: "event", x1: x(event.years), x2: x(event.years), y1: top, y2: height - bottom }, make("title", {}, View.eventName(event))));
    parts.push(make("text", { class: "tick", x: x(event.years) + 3, y: top + 8 }, event.kind));
  }
  for (const point of points) {
    parts.push(make("circle", { class: point.removed ? "reading removed" : "reading", cx: x(point.years), cy: y(point.value), r: 3.5 }, make("title", {}, point.title)));
  }
  const ends = [0, middle.length - 1].map((k) => `${View.date(years[k]).slice(0, 4)}: ${format(middle[k])}`).join(", ");
  const band = low ? `; between ${format(low[low.length - 1])} and ${format(high[high.length - 1])} in nine of ten cases at the end` : "";
  const svg = make("svg", { viewBox: `0 0 ${width} ${height}`, role: "img", "aria-label": `${title}. ${ends}${band}.${events.map((event) => ` ${View.eventName(event)}.`).join("")}` }, ...parts);
  const figure = make("figure", { class: "chart" }, make("figcaption", {}, title), svg, numbers({ title, years, low, middle, high, format }));
  figure.follow = (now) => { mark.setAttribute("x1", x(now)); mark.setAttribute("x2", x(now)); };
  return figure;
};

const numbers = ({ title, years, low, middle, high, format }) => {
  const names = low ? ["date", "P5", "P50", "P95"] : ["date", "value"];
  const rows = years.map((year, k) => [View.date(year), ...(low ? [low[k], middle[k], high[k]] : [middle[k]]).map(format)]);
  return View.make("details", {}, View.make("summary", {}, "numbers"), View.table(names, rows, title));
};

View.table = (names, rows, title) => {
  const { make } = View, head = make("tr", {}, ...names.map((name) => make("th", { scope: "col" }, name)));
  const body = rows.map((row) => make("tr", {}, ...row.map((cell) => make("td", {}, `${cell}`))));
  return make("div", { class: "scroll", tabindex: 0, role: "region", "aria-label": title },
    make("table", {}, make("caption", {}, title), make("thead", {}, head), make("tbody", {}, ...body)));
};
