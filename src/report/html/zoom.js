"use strict";
(() => {
  const data = JSON.parse(document.getElementById("data").textContent);
  const plot = document.getElementById("plot");
  const form = document.querySelector(".pick");
  if (!plot || !form || data.times.length === 0) return;
  const [measure, scope, whole] = ["measure", "scope", "whole"].map((id) => document.getElementById(id));
  const option = (list, value, text) => list.append(new Option(text, value));
  data.scopes.forEach((s, i) => option(scope, i, s.name));
  form.hidden = false;
  form.addEventListener("submit", (event) => event.preventDefault());

  const dashes = [[], [10, 5], [3, 4], [10, 4, 3, 4]];
  const ink = (name) => getComputedStyle(document.documentElement).getPropertyValue(name).trim();
  let chart = null;

  // Measures that the chosen scope has no values for are not offered.
  const offer = () => {
    const kept = measure.value;
    measure.replaceChildren();
    data.measures.forEach(([title], i) => {
      if (data.scopes[scope.value].values[i].length > 0) option(measure, i, title);
    });
    if ([...measure.options].some((o) => o.value === kept)) measure.value = kept;
  };

  const draw = () => {
    const [title, unit] = data.measures[measure.value];
    const columns = data.scopes[scope.value].values[measure.value];
    // Dates as everywhere else on the page: 2026-01-31 06:00, and above an hour no seconds.
    const two = (n) => String(n).padStart(2, "0");
    const date = (t) => {
      const d = new Date(t * 1e3);
      return [`${d.getUTCFullYear()}-${two(d.getUTCMonth() + 1)}-${two(d.getUTCDate())}`, `${two(d.getUTCHours())}:${two(d.getUTCMinutes())}`];
    };
    const dates = (u, splits, space, gap, step) => {
      let last = "";
      return splits.map((t) => {
        const [day, time] = date(t);
        const text = day === last ? time : step < 86400 ? `${time}\n${day}` : day;
        last = day;
        return text;
      });
    };
    const axis = { stroke: ink("--ink"), grid: { stroke: ink("--rule"), width: 1 }, ticks: { stroke: ink("--rule") } };
    const number = (u, value) => (value == null ? "–" : `${+value.toPrecision(4)} ${unit}`);
    const options = {
      width: plot.clientWidth,
      height: 340,
      tzDate: (t) => uPlot.tzDate(new Date(t * 1e3), "Etc/UTC"),
      scales: { y: { range: (u, low, high) => [Math.min(0, low), high > 0 ? high * 1.05 : 1] } },
      axes: [{ ...axis, values: dates, space: 90 }, { ...axis, size: 70, label: `${title} [${unit}]` }],
      series: [
        { label: "time", value: (u, t) => (t == null ? "–" : date(t).join(" ")) },
        ...data.platforms.map(([label, stroke], i) => ({
          label, stroke, width: 2, dash: dashes[i % dashes.length], value: number, points: { show: false },
        })),
      ],
    };
    if (chart) chart.destroy();
    chart = new uPlot(options, [data.times, ...columns], plot);
  };

  scope.addEventListener("change", () => { offer(); draw(); });
  measure.addEventListener("change", draw);
  whole.addEventListener("click", draw);
  let width = 0;
  new ResizeObserver(() => {
    if (plot.clientWidth !== width) { width = plot.clientWidth; chart.setSize({ width, height: 340 }); }
  }).observe(plot);
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", draw);
  offer();
  draw();
})();

// What is folded away is printed all the same.
(() => {
  let closed = [];
  addEventListener("beforeprint", () => {
    closed = [...document.querySelectorAll("details:not([open])")];
    closed.forEach((d) => { d.open = true; });
  });
  addEventListener("afterprint", () => closed.forEach((d) => { d.open = false; }));
})();
