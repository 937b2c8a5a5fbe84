/* Stock: where the stock of an item is heading. The line is the median of what is left, the fans hold 50 % and 80 %;
   triangles are deliveries on order, the dashed red line is the day from which a shortage is likely. */

/** The option of a small chart. `on` holds what the charts of forecasts use too: times, now, colours, labels. */
function stockOption(chart, on, { width }) {
  const c = on.colours();
  const [p10, p25, p50, p75, p90] = chart.q;
  const begin = on.now - 1; // the count of today stands at the end of the last known step
  const at = (h) => on.times[on.now + h];
  const lowest = Math.min(0, chart.b, ...p10);
  const most = Math.max(chart.b, ...p90) * (chart.a.length ? 1.1 : 1); // room for what arrives
  const step = on.nice((most - lowest) / 3 || 1);
  const top = Math.max(Math.ceil(most / step - 1e-9), 1) * step;
  const foot = Math.floor(lowest / step + 1e-9) * step;
  const line = { type: "line", symbol: "none", silent: true, animation: false, emphasis: { disabled: true } };
  const dots = { type: "scatter", z: 5, silent: true, animation: false, itemStyle: { color: c.promo } };
  const path = (values, first) => [[on.times[begin], first], ...values.map((value, h) => [at(h), value])];
  const between = (upper, lower) => path(upper.map((value, h) => value - lower[h]), 0);
  const band = (data, colour) => ({
    ...line, stack: "fan", stackStrategy: "all", lineStyle: { width: 0 }, data, areaStyle: colour ? { color: colour, opacity: 1 } : undefined,
  });
  const widest = Math.max(...[top, foot, step].map((v) => page.number(v).length));
  return {
    animation: false,
    useUTC: true,
    textStyle: { fontFamily: c.sans, fontSize: 11 },
    grid: { left: 8 + 7 * widest, right: 10, top: 16, bottom: 24 },
    tooltip: {
      trigger: "axis", confine: true, padding: [6, 10], backgroundColor: c.paper, borderColor: c.rule, transitionDuration: 0,
      axisPointer: { type: "line", lineStyle: { color: c.faint, type: "solid" } },
      formatter: (found) => stockTip(chart, on, on.nearest(found[0].axisValue)),
    },
    xAxis: {
      type: "time", min: on.times[begin], max: at(p50.length - 1), splitNumber: Math.max(2, Math.floor(width / 60)),
      axisLine: { lineStyle: { color: c.faint }, onZero: true }, axisTick: { show: false }, splitLine: { show: false },
      axisLabel: {
        color: c.soft, fontSize: 11, hideOverlap: true, showMinLabel: false, showMaxLabel: false,
        rich: { year: { color: c.ink, fontSize: 11, fontWeight: 600 } },
        formatter: (value, _, more) => on.axisLabel(value, more?.time?.lowerTimeUnit ?? ""),
      },
    },
    yAxis: {
      type: "value", min: foot, max: top, interval: step,
      axisLabel: { color: c.soft, fontSize: 11, formatter: page.number }, splitLine: { lineStyle: { color: c.rule, width: 1 } },
    },
    series: [
      band(path(p10, chart.b), null),
      band(between(p25, p10), c.fan80),
      band(between(p75, p25), c.fan50),
      band(between(p90, p75), c.fan80),
      {
        ...line, name: "median", z: 4, data: path(p50, chart.b), lineStyle: { width: 1.75, color: c.model },
        markLine: chart.r === undefined ? undefined : {
          silent: true, animation: false, symbol: "none", label: { show: false }, lineStyle: { color: c.risk, width: 1.25, type: [4, 3] },
          data: [{ xAxis: at(chart.r) }],
        },
      },
      { ...dots, name: "arrivals", symbol: "triangle", symbolSize: 8, data: chart.a.map(([h]) => [at(h), p50[h]]) },
      { // the number stands above the fan, where it can be read
        ...dots, symbolSize: 0, data: chart.a.map(([h, units]) => [at(h), p90[h], units]), labelLayout: { hideOverlap: true },
        label: { show: true, position: "top", distance: 3, color: c.promo, fontSize: 11, formatter: ({ value }) => "+" + page.number(value[2]) },
      },
    ],
  };
}

function stockTip(chart, on, i) {
  const { say, number } = page;
  const h = i - on.now;
  if (h < 0) return on.tipOf(i, [[say("stock"), number(chart.b)]]);
  const [low, lower, middle, upper, high] = chart.q.map((quantile) => number(quantile[h]));
  const rows = [[say("stock"), middle], [say("interval50"), `${lower}–${upper}`], [say("interval80"), `${low}–${high}`]];
  for (const [step, units] of chart.a) if (step === h) rows.push([say("arrives"), "+" + number(units)]);
  rows.push([say("short"), page.percent(chart.p[h])]);
  return on.tipOf(i, rows);
}
