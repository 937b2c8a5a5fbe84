/* Charts: history in grey, the forecast in blue with its 50 % and 80 % fans, the year before dashed,
   holidays as light bands, stock-outs hatched, promotions as an orange strip at the foot. */

const charts = (() => {
  const { axis, now, bands, items } = report;
  const size = axis.length;
  const times = axis.map((stamp) => Date.parse(stamp.length > 10 ? stamp + "Z" : stamp)); // all in UTC
  const SHORT_GAP = 3; // steps of closure that the line of history passes over
  const FAN_LIMIT = 3; // a fan may make the axis this many times as high as history and mean need
  const LABEL = 15; // pixels that a line of text takes
  const SLIDER_FROM = 260; // steps from which a big chart has a slider
  const PRINTED = { big: [688, 230], small: [332, 128] }; // pixels on A4 between the margins, as in the style sheet
  const drawn = new Map(); // element -> what redraws it
  let printing = false;

  /** The time halfway between step i - 1 and step i, where step i begins on the axis. */
  function edge(i) {
    if (i <= 0) return times[0] - (times[1] - times[0]) / 2;
    if (i >= size) return times[size - 1] + (times[size - 1] - times[size - 2]) / 2;
    return (times[i - 1] + times[i]) / 2;
  }

  function colours() {
    const style = getComputedStyle(document.documentElement);
    const names = ["paper", "ink", "soft", "faint", "rule", "history", "model", "fan50", "fan80", "promo", "band", "out", "risk", "sans"];
    return Object.fromEntries(names.map((name) => [name, style.getPropertyValue("--" + name).trim()]));
  }

  // ---- numbers of one chart -------------------------------------------------------------------
  /** History on the common axis, null where nothing is known. */
  function onAxis(values) {
    return Array(now - values.length).fill(null).concat(values);
  }

  /** History as it is drawn: the line passes over gaps of a few closed days, never over longer ones. */
  function bridged(history) {
    const out = [...history];
    let last = -1;
    history.forEach((value, i) => {
      if (value === null) return;
      if (last >= 0 && i - last > 1 && i - last <= SHORT_GAP + 1) {
        for (let k = last + 1; k < i; k += 1) out[k] = history[last] + ((value - history[last]) * (k - last)) / (i - last);
      }
      last = i;
    });
    return out;
  }

  function yearBefore(history, i) {
    return history[i - report.season] ?? null;
  }

  /** Height and step of the axis for what steps first to last show. */
  function scale(chart, first, last) {
    const within = (values) => values.filter((value, i) => value !== null && now + i <= last && now + i >= first);
    const past = chart.history.slice(first, last + 1).filter((value) => value !== null);
    const solid = Math.max(0, ...past, ...within(chart.mean));
    const top = Math.min(Math.max(solid, ...within(chart.fan[3])), FAN_LIMIT * solid || Infinity) * 1.04 || 1;
    const step = nice(top / 4);
    return { step, top: Math.ceil(top / step - 1e-9) * step };
  }

  /** The round number next above, for the steps of an axis. */
  function nice(rough) {
    const power = 10 ** Math.floor(Math.log10(rough));
    return [1, 2, 2.5, 5, 10].find((round) => round * power >= rough) * power;
  }

  // ---- drawing --------------------------------------------------------------------------------
  function hatch(colour) {
    const draw = `<svg xmlns="http://www.w3.org/2000/svg" width="6" height="6"><path d="M-1 7 7 -1M-1 1 1 -1M5 7 7 5" stroke="${colour}"/></svg>`;
    return { image: "data:image/svg+xml," + encodeURIComponent(draw), imageWidth: 6, imageHeight: 6, repeat: "repeat" };
  }

  function areas(runs, more = () => ({})) {
    return runs.map((run) => [{ xAxis: edge(run[0]), ...more(run) }, { xAxis: edge(run[1] + 1) }]);
  }

  /** Bands with their names written upright, as far as they do not run into each other. */
  function namedBands(first, last, width) {
    const perPixel = (edge(last + 1) - edge(first)) / width;
    let free = -Infinity;
    return areas(bands.filter((band) => band[1] >= first && band[0] <= last), (band) => {
      const middle = (edge(Math.max(band[0], first)) + edge(Math.min(band[1], last) + 1)) / 2 / perPixel;
      if (middle - free < 14) return {};
      free = middle;
      return { name: band[page.lang === "zh" ? 3 : 2], label: { show: true } };
    });
  }

  const MONTHS = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];

  /** A date as the rest of the report writes it, without what is null. */
  function written(year, month, day) {
    if (page.lang === "zh") return (year ? `${year}年` : "") + (month ? `${month}月` : "") + (day ? `${day}日` : "");
    return [day, month && MONTHS[month - 1], year].filter((part) => part).join(" ");
  }

  function axisLabel(value, unit) {
    const iso = new Date(value).toISOString();
    const [year, month, day] = iso.slice(0, 10).split("-").map(Number);
    if (unit === "hour" || unit === "minute") return iso.slice(11, 16);
    if (day !== 1) return written(null, month, day);
    return month === 1 ? `{year|${written(year)}}` : written(null, month);
  }

  function stamp(i) {
    const iso = new Date(times[i]).toISOString();
    return written(...iso.slice(0, 10).split("-").map(Number)) + (axis[i].length > 10 ? " " + iso.slice(11, 16) : "");
  }

  /** A box with the date of a step and rows of a label and, mostly, a number. */
  function tipOf(i, rows) {
    const box = document.createElement("div");
    box.className = "tip";
    box.appendChild(document.createElement("strong")).textContent = stamp(i);
    for (const texts of rows) {
      const row = box.appendChild(document.createElement("div"));
      for (const text of texts) row.appendChild(document.createElement("span")).textContent = text;
    }
    return box;
  }

  function tip(chart, i) {
    const rows = [];
    const line = (...texts) => rows.push(texts);
    const { say, number } = page;
    if (i < now) {
      line(say("history"), chart.history[i] === null ? say("closed") : number(chart.history[i]));
    } else {
      const [low, lower, upper, high] = chart.fan.map((quantile) => number(quantile[i - now]));
      line(say("mean"), number(chart.mean[i - now]));
      line(say("interval50"), `${lower}–${upper}`);
      line(say("interval80"), `${low}–${high}`);
    }
    const before = yearBefore(chart.history, i);
    if (before !== null) line(say("year"), number(before));
    const within = (runs) => runs.filter((run) => run[0] <= i && i <= run[1]);
    if (within(chart.out).length) line(say("out"));
    if (within(chart.promo).length) line(say("promo"));
    const names = within(bands).map((band) => band[page.lang === "zh" ? 3 : 2]);
    for (const name of new Set(names)) line(name);
    return tipOf(i, rows);
  }

  function nearest(time) {
    let best = 0;
    times.forEach((t, i) => { if (Math.abs(t - time) < Math.abs(times[best] - time)) best = i; });
    return best;
  }

  function option(chart, { big, first, last, width, height }) {
    const c = colours();
    const { step, top } = scale(chart, first, last);
    const labelled = big && width > 640;
    const sliding = big && size > SLIDER_FROM && !printing;
    const grid = { left: 8 + 7 * Math.max(...[top, step].map((v) => page.number(v).length)), right: labelled ? 92 : 8, top: 10, bottom: sliding ? 56 : 24 };
    const foot = height - grid.bottom;
    const line = { type: "line", symbol: "none", silent: true, animation: false, emphasis: { disabled: true } };
    const point = (value, i) => [times[i], value];
    const future = (values) => values.map((value, i) => [times[now + i], value]);
    const between = (upper, lower) => future(upper.map((value, i) => value - lower[i]));
    const history = bridged(chart.history);
    const lone = (i) => history[i] !== null && (history[i - 1] ?? null) === null && (history[i + 1] ?? null) === null;
    const before = [...chart.mean.keys()].map((i) => [times[now + i], yearBefore(chart.history, now + i)]);
    while (before.length && before.at(-1)[1] === null) before.pop(); // the label stands at the last known point
    const single = chart.mean.length === 1; // one step ahead has no area: intervals are drawn as strokes
    const stroke = (low, high, colour, lineWidth) => [
      { coord: [times[now], low], symbol: "none", lineStyle: { color: colour, width: lineWidth, type: "solid" } },
      { coord: [times[now], high], symbol: "none" },
    ];
    const fan = [[chart.fan[0], null, null], [chart.fan[1], chart.fan[0], c.fan80], [chart.fan[2], chart.fan[1], c.fan50], [chart.fan[3], chart.fan[2], c.fan80]];
    const name = (key, colour, shift = 0) => ({ show: labelled, formatter: () => page.say(key), color: colour, fontSize: 12, distance: 6, offset: [0, shift] });
    // the label of the year before gives way where both lines end at about the same height
    const apart = before.length ? ((chart.mean.at(-1) - before.at(-1)[1]) / top) * (foot - grid.top) : LABEL;
    const shift = Math.abs(apart) < LABEL ? (apart < 0 ? -LABEL - apart : LABEL - apart) : 0;
    const mark = (id, colour, data, more) => ({ ...line, id, data: [], markArea: { silent: true, animation: false, itemStyle: { color: colour }, data, ...more } });
    return {
      animation: false,
      useUTC: true,
      textStyle: { fontFamily: c.sans, fontSize: 11 },
      grid,
      tooltip: {
        trigger: "axis", confine: true, padding: [6, 10], backgroundColor: c.paper, borderColor: c.rule, transitionDuration: 0,
        axisPointer: { type: "line", lineStyle: { color: c.faint, type: "solid" } },
        formatter: (found) => tip(chart, nearest(found[0].axisValue)),
      },
      xAxis: {
        type: "time", min: edge(sliding ? 0 : first), max: edge(size), splitNumber: Math.max(2, Math.floor(width / 90)),
        axisLine: { lineStyle: { color: c.faint }, onZero: false }, axisTick: { lineStyle: { color: c.faint } }, splitLine: { show: false },
        axisLabel: {
          color: c.soft, fontSize: 11, hideOverlap: true, showMinLabel: false, showMaxLabel: false,
          rich: { year: { color: c.ink, fontSize: 11, fontWeight: 600 } },
          formatter: (value, _, more) => axisLabel(value, more?.time?.lowerTimeUnit ?? ""),
        },
      },
      yAxis: {
        type: "value", min: 0, max: top, interval: big ? step : top / 2,
        axisLabel: { color: c.soft, fontSize: 11, formatter: page.number }, splitLine: { lineStyle: { color: c.rule, width: 1 } },
      },
      dataZoom: sliding ? [{
        type: "slider", startValue: edge(first), endValue: edge(last + 1), filterMode: "none", height: 18, bottom: 4, showDetail: false, brushSelect: false,
        borderColor: c.rule, backgroundColor: "transparent", fillerColor: "transparent", handleStyle: { color: c.paper, borderColor: c.faint }, moveHandleStyle: { color: c.rule },
        dataBackground: { lineStyle: { color: c.rule }, areaStyle: { color: c.rule, opacity: 1 } }, selectedDataBackground: { lineStyle: { color: c.faint }, areaStyle: { color: c.fan80, opacity: 1 } },
        emphasis: { handleStyle: { borderColor: c.model }, moveHandleStyle: { color: c.faint } },
      }] : [],
      series: [
        {
          ...line, name: "history", z: 3, lineStyle: { width: big ? 1.5 : 1.25, color: c.history }, itemStyle: { color: c.history },
          data: history.map((value, i) => (lone(i) ? { value: point(value, i), symbol: "circle", symbolSize: 3 } : point(value, i))),
          markLine: { silent: true, animation: false, symbol: "none", label: { show: false }, lineStyle: { color: c.faint, width: 1, type: [1, 2] }, data: [{ xAxis: edge(now) }] },
        },
        mark("bands", c.band, big ? namedBands(first, last, width - grid.left - grid.right) : areas(bands), {
          label: { show: false, position: ["50%", 2], rotate: -90, align: "left", verticalAlign: "middle", color: c.faint, fontSize: 10, formatter: "{b}" },
        }),
        mark("out", hatch(c.out), areas(chart.out)),
        mark("promo", c.promo, chart.promo.map((run) => [{ xAxis: edge(run[0]), y: foot - 4 }, { xAxis: edge(run[1] + 1), y: foot }])),
        ...fan.map(([upper, lower, colour]) => ({
          ...line, stack: "fan", stackStrategy: "all", lineStyle: { width: 0 }, data: lower ? between(upper, lower) : future(upper),
          areaStyle: colour ? { color: colour, opacity: 1 } : undefined,
        })),
        { ...line, name: "year", data: before, lineStyle: { width: 1.25, type: [4, 3], color: c.faint }, endLabel: name("year", c.soft, shift) },
        {
          ...line, name: "mean", z: 4, data: future(chart.mean), symbol: single ? "circle" : "none", symbolSize: 6, itemStyle: { color: c.model },
          lineStyle: { width: big ? 2.25 : 1.75, color: c.model }, endLabel: name("mean", c.model),
          markLine: single ? { silent: true, animation: false, label: { show: false }, data: [stroke(chart.fan[0][0], chart.fan[3][0], c.fan80, 8), stroke(chart.fan[1][0], chart.fan[2][0], c.fan50, 8)] } : undefined,
        },
      ],
    };
  }

  const shared = { times, now, colours, nice, axisLabel, nearest, tipOf }; // with the charts of stock

  /** Draw a chart, of a forecast or of stock, into an element and keep it up to date. */
  function draw(element, chart, big) {
    const held = drawn.get(element) ?? { renderer: echarts.init(element, null, { renderer: "svg" }), last: size - 1 };
    const { renderer } = held;
    held.chart = chart;
    held.redraw = () => {
      const [width, height] = printing ? PRINTED[big ? "big" : "small"] : [element.clientWidth, element.clientHeight];
      renderer.resize({ width, height });
      const shown = { ...held, big, width, height };
      renderer.setOption(held.chart.q ? stockOption(held.chart, shared, shown) : option(held.chart, shown), { notMerge: true });
    };
    if (!drawn.has(element)) {
      drawn.set(element, held);
      held.first = firstShown(big);
      watch.observe(element);
      renderer.on("datazoom", () => {
        const { startValue, endValue } = renderer.getOption().dataZoom[0];
        held.first = nearest(startValue + 1);
        held.last = nearest(endValue - 1);
        const { step, top } = scale(held.chart, held.first, held.last);
        const width = renderer.getWidth() - 100;
        renderer.setOption({ yAxis: { max: top, interval: step }, series: [{ id: "bands", markArea: { data: namedBands(held.first, held.last, width) } }] });
      });
    }
    held.redraw();
  }

  /** Long histories begin with their last part; the slider below a big chart shows the rest. */
  function firstShown(big) {
    const horizon = size - now;
    const most = big ? SLIDER_FROM : 160;
    if (size <= most) return 0;
    return Math.max(0, now - (big ? Math.max(8 * horizon, 180) : Math.max(4 * horizon, 90)));
  }

  const watch = new ResizeObserver((entries) => {
    if (!printing) for (const { target } of entries) if (target.clientWidth !== drawn.get(target).renderer.getWidth()) drawn.get(target).redraw();
  });

  // ---- items ----------------------------------------------------------------------------------
  function chartOf(item) {
    return { history: onAxis(item.h), mean: item.m, fan: item.q, out: item.o ?? [], promo: item.p ?? [] };
  }

  function title(element, item) {
    const name = element.appendChild(document.createElement("span"));
    name.className = "name";
    name.textContent = item.n ?? item.i;
    if (item.n) {
      const code = element.appendChild(document.createElement("span"));
      code.className = "code";
      code.textContent = " " + item.i;
    }
  }

  function sentence(item) {
    const [mean, low, high] = item.s.map(page.number);
    const against = item.y ? page.say("year_change", { change: page.change(item.s[0] / item.y - 1) }) : page.say("no_year");
    return `${page.say("total", { mean, low, high })} · ${against}`;
  }

  const small = new Map(); // element -> its chart, drawn when it comes near
  const lazily = new IntersectionObserver((entries) => {
    for (const entry of entries) {
      if (entry.isIntersecting && !drawn.has(entry.target)) draw(entry.target, small.get(entry.target), false);
    }
  }, { rootMargin: "400px" });

  function later(element, chart) {
    small.set(element, chart);
    lazily.observe(element);
  }

  function multiples() {
    const grid = document.getElementById("multiples");
    return items.slice(0, report.shown).map((item) => {
      const box = grid.appendChild(document.createElement("div"));
      box.className = "multiple";
      const head = box.appendChild(document.createElement("h4"));
      head.title = item.n ?? item.i;
      title(head, item);
      const text = box.appendChild(document.createElement("p"));
      const element = box.appendChild(document.createElement("div"));
      element.className = "chart";
      later(element, chartOf(item));
      return { text, item };
    });
  }

  function explorer() {
    const list = document.getElementById("item-list");
    if (!list) return () => {};
    const filter = document.getElementById("item-filter");
    const heading = document.getElementById("item-title");
    const element = document.getElementById("chart-item");
    const searched = items.map((item) => page.plain(`${item.n ?? ""} ${item.i}`));
    let found = [...items.keys()];

    function fill() {
      found = [...items.keys()].filter((k) => searched[k].includes(page.plain(filter.value.trim())));
      list.replaceChildren(...found.map((k) => new Option(items[k].n ? `${items[k].n} · ${items[k].i}` : items[k].i, k)));
      list.selectedIndex = found.length ? 0 : -1;
      show();
    }
    function show() {
      heading.replaceChildren();
      if (!found.length) {
        heading.textContent = page.say("no_match");
        return;
      }
      const item = items[list.value];
      title(heading, item);
      const text = heading.appendChild(document.createElement("span"));
      text.textContent = " " + sentence(item);
      if (filter.value.trim() && found.length > 1 && list.selectedIndex === 0) {
        const rest = heading.appendChild(document.createElement("span"));
        rest.className = "quiet";
        rest.textContent = page.say("first_of", { name: item.n ?? item.i, n: page.number(found.length - 1) });
      }
      draw(element, chartOf(item), true);
    }
    filter.addEventListener("input", fill);
    list.addEventListener("change", show);
    fill();
    return show;
  }

  function begin() {
    const total = { history: report.total.h, mean: report.total.m, fan: report.total.q, out: [], promo: [] };
    draw(document.getElementById("chart-total"), total, true);
    const boxes = multiples();
    for (const element of document.querySelectorAll("[data-stock]")) later(element, report.stock[element.dataset.stock]);
    const showItem = explorer();
    const refresh = () => {
      for (const { text, item } of boxes) text.textContent = sentence(item);
      for (const { redraw } of drawn.values()) redraw();
      showItem();
    };
    page.onChange(refresh);
    refresh();
    let theme;
    addEventListener("beforeprint", () => {
      printing = true;
      theme = document.documentElement.dataset.theme;
      document.documentElement.dataset.theme = "light"; // paper is white
      for (const [element, chart] of small) if (!drawn.has(element)) draw(element, chart, false);
      for (const { redraw } of drawn.values()) redraw();
    });
    addEventListener("afterprint", () => {
      printing = false;
      if (theme) document.documentElement.dataset.theme = theme;
      else delete document.documentElement.dataset.theme;
      for (const { redraw } of drawn.values()) redraw();
    });
  }

  return { begin };
})();

page.begin();
charts.begin();
