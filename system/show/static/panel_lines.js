// Time series on one axis of time: zoomed by dragging, back by a double click, cursors linked between charts.
import uPlot from "./uplot.esm.js";
import { compact, node, roomOf, set, titled, write } from "./draw.js";

const HEIGHT = 210;
const SYNC = "riskstream";

export default function lines(root, feed, options) {
  const { heading, head, aside } = titled(root, "");
  const reset = node("button", { type: "button", class: "quiet" }, "Whole range");
  head.insertBefore(reset, head.lastChild);
  const place = node("div", { class: "plots" });
  const words = node("p", { class: "breaches" });
  const empty = node("p", { class: "empty" });
  root.append(place, words, empty);
  let made = { shape: "", plots: [] };
  reset.addEventListener("click", () => made.plots.forEach(whole));
  return () => {
    const { title, note = "", words: said = "", x = [], charts = [], empty: none = "" } = options.content ?? {};
    write(heading, title ?? "");
    write(aside, note);
    write(words, said);
    empty.hidden = x.length > 0;
    write(empty, none);
    place.hidden = reset.hidden = x.length === 0;
    if (!x.length) return;
    const width = roomOf(root);
    const shape = JSON.stringify([charts.map((chart) => [chart.title, chart.log, chart.series.map((series) => series.name)]), root.style.colorScheme]);
    if (shape !== made.shape) {
      made.plots.forEach((plot) => plot.destroy());
      place.replaceChildren();
      made = { shape, plots: charts.map((chart) => plotted(place, chart, x, width, root)) };
    }
    made.plots.forEach((plot, index) => refresh(plot, charts[index], x, width));
  };
}

function plotted(place, chart, x, width, root) {
  const ink = resolved(root, "--muted");
  const edge = resolved(root, "--edge");
  const axis = { stroke: ink, grid: { stroke: edge, width: 0.5 }, ticks: { stroke: edge, width: 0.5 }, font: "11px system-ui, sans-serif" };
  const series = chart.series.map((each) => ({
    label: each.name,
    stroke: resolved(root, `--${each.colour}`),
    width: each.points ? 0 : 1.5,
    dash: each.dash ? [5, 4] : undefined,
    paths: each.points ? () => null : each.steps ? uPlot.paths.stepped({ align: 1 }) : undefined,
    points: each.points ? { show: true, size: 8, fill: resolved(root, `--${each.colour}`) } : { show: false },
    value: (_plot, value) => (value === null || value === undefined ? "–" : written(value, chart.log)),
  }));
  const box = node("div", { role: "img", "aria-label": chart.words });
  place.append(box);
  return new uPlot({
    width, height: HEIGHT, title: chart.title,
    cursor: { sync: { key: SYNC }, drag: { x: true, y: false } },
    scales: { x: { time: true }, y: chart.log ? { distr: 3 } : {} },
    axes: [{ ...axis, values: (_plot, splits) => splits.map((at) => shortMoment(at, splits)) }, { ...axis, size: 58, values: (_plot, values) => values.map((value) => (value === null ? "" : written(value, chart.log))) }],
    series: [{ label: "Time, UTC", value: (_plot, value) => (value === null || value === undefined ? "–" : moment(value)) }, ...series],
    tzDate: (seconds) => uPlot.tzDate(new Date(seconds * 1000), "Etc/UTC"),
  }, [x, ...chart.series.map((each) => each.values)], box);
}

// A canvas takes no light-dark(): the colour is taken from an element that has it.
function resolved(root, variable) {
  const probe = node("i", { style: `color: var(${variable})` });
  root.append(probe);
  const colour = getComputedStyle(probe).color;
  probe.remove();
  return colour;
}

function refresh(plot, chart, x, width) {
  if (plot.width !== width) plot.setSize({ width, height: HEIGHT });
  if (plot.shownChart === chart) return;
  const now = chart.series.map((each) => each.values);
  const { min, max } = plot.scales.x;
  const isWhole = min == null || (plot.data[0][0] === min && plot.data[0].at(-1) === max);
  plot.setData([x, ...now], isWhole);
  if (!isWhole) plot.setScale("x", { min, max });
  plot.shownChart = chart;
}

function whole(plot) {
  plot.setScale("x", { min: plot.data[0][0], max: plot.data[0].at(-1) });
}

function written(value, log) {
  return log ? String(Number(value.toPrecision(3))) : compact(value);
}

function shortMoment(seconds, all) {
  const text = new Date(seconds * 1000).toISOString();
  return all.at(-1) - all[0] < 172800 && text.slice(11, 16) !== "00:00" ? text.slice(11, 16) : text.slice(5, 10);
}

function moment(seconds) {
  const text = new Date(seconds * 1000).toISOString();
  return text.slice(11, 19) === "00:00:00" ? text.slice(0, 10) : text.slice(0, 19).replace("T", " ");
}
