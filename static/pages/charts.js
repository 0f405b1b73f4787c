// Draw every [data-line] with uPlot: [[moments, in seconds], [values], [more values]]. The table below
// says the same. The second line is dashed, so that it is told apart without its colour.
import { onSwap } from "../live/parts.js";

const style = getComputedStyle(document.documentElement);
const colour = (name) => style.getPropertyValue(name).trim();

const axis = (more) => ({
  stroke: colour("--muted"),
  grid: { stroke: colour("--line"), width: 1 },
  ticks: { show: false },
  font: "12px system-ui",
  ...more,
});

const STEPS = [1, 2, 5, 10, 20, 50, 100, 200, 500, 1000, 2000, 5000, 10000];
const hour = (at) => new Date(at * 1000).toISOString().slice(11, 16);
const day = (at) => new Date(at * 1000).toLocaleDateString("en-GB", { day: "numeric", month: "short", timeZone: "UTC" });
// The next round number, so that the highest value stands below a line that says how high it is.
const top = (high) => {
  const step = STEPS.find((each) => each * 3 >= high) ?? high;
  return Math.max(4, Math.ceil(high / step) * step);
};

const draw = (place) => {
  const [moments, ...lines] = JSON.parse(place.dataset.line);
  const isDays = "days" in place.dataset;
  // A step is as long as what it counts: the last day must not be a line without a width.
  if (isDays) {
    moments.push(moments.at(-1) + 86400);
    for (const line of lines) line.push(line.at(-1));
  }
  const stroke = [colour("--accent"), colour("--caution")];
  const chart = new uPlot(
    {
      width: place.clientWidth,
      height: 140,
      legend: { show: false },
      cursor: { y: false, drag: { x: false, y: false } },
      tzDate: (seconds) => uPlot.tzDate(new Date(seconds * 1000), "Etc/UTC"),
      scales: { y: { range: (_, low, high) => [Math.min(0, low), top(high)] } },
      axes: [
        axis({ size: 28, values: (_, ticks) => ticks.map(isDays ? day : hour), space: 64 }),
        axis({ size: 36, space: 24, incrs: STEPS }),
      ],
      series: [
        {},
        ...lines.map((_, number) => ({
          label: place.dataset.label,
          stroke: stroke[number],
          dash: number ? [6, 4] : undefined,
          width: 2,
          paths: uPlot.paths.stepped({ align: 1 }),
          points: { show: false },
        })),
      ],
    },
    [moments, ...lines],
    place,
  );
  new ResizeObserver(() => chart.setSize({ width: place.clientWidth, height: 140 })).observe(place);
};

document.documentElement.classList.add("has-script");
for (const place of document.querySelectorAll("[data-line]")) draw(place);
onSwap((part) => {
  const places = [...part.querySelectorAll("[data-line]")];
  if (part.matches("[data-line]")) places.push(part);
  places.forEach(draw);
});
