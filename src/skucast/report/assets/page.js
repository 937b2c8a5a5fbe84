"use strict";
/* Page: language, colours, sorting and filtering. Everything that is read stands in the HTML already;
   this script only chooses what is shown. It fetches nothing and sends nothing. */

const report = JSON.parse(document.getElementById("report-data").textContent);

const page = (() => {
  const root = document.documentElement;
  const query = new URLSearchParams(location.search);
  const listeners = [];
  const FIRST_ROWS = 25; // a long list opens short; the button below shows the rest

  // What was chosen is remembered on this computer; some browsers forbid that to local files.
  function remembered(key) {
    try { return localStorage.getItem("skucast." + key); } catch { return null; }
  }
  function remember(key, value) {
    try { localStorage.setItem("skucast." + key, value); } catch { /* then not */ }
  }

  // ---- language -------------------------------------------------------------------------------
  function firstLanguage() {
    const wanted = [query.get("lang"), location.hash.slice(1), remembered("lang")];
    return wanted.find((lang) => lang in report.tags) ?? report.lang;
  }

  function setLanguage(lang) {
    page.lang = lang;
    root.lang = report.tags[lang];
    document.title = root.dataset[lang === "zh" ? "titleZh" : "titleEn"];
    for (const name of ["aria-label", "placeholder"]) {
      for (const element of document.querySelectorAll(`[data-${name}-${lang}]`)) {
        element.setAttribute(name, element.getAttribute(`data-${name}-${lang}`));
      }
    }
    press("[data-lang]", (button) => button.dataset.lang === lang);
    listeners.forEach((listener) => listener());
  }

  /** A text of the page in the language shown, its {placeholders} filled in. */
  function say(key, values = {}) {
    return report.words[page.lang][key].replace(/\{(\w+)\}/g, (_, name) => values[name]);
  }

  // ---- colours --------------------------------------------------------------------------------
  const darkScreen = matchMedia("(prefers-color-scheme: dark)");

  function setTheme(theme) {
    if (theme) root.dataset.theme = theme;
    else delete root.dataset.theme;
    press("[data-theme-choice]", (button) => button.dataset.themeChoice === (theme ?? (darkScreen.matches ? "dark" : "light")));
    listeners.forEach((listener) => listener());
  }

  function firstTheme() {
    return [query.get("theme"), remembered("theme")].find((theme) => theme === "light" || theme === "dark");
  }

  function press(selector, isPressed) {
    for (const button of document.querySelectorAll(selector)) button.setAttribute("aria-pressed", String(isPressed(button)));
  }

  // ---- numbers, as the rest of the report writes them ---------------------------------------------
  const formats = {};
  function number(value) {
    if (value === null || !Number.isFinite(value)) return "–";
    const digits = Math.abs(value) < 9.95 && Math.abs(value - Math.round(value)) >= 0.05 ? 1 : 0;
    formats[digits] ??= new Intl.NumberFormat("en", { minimumFractionDigits: digits, maximumFractionDigits: digits });
    return formats[digits].format(value).replace(/^-(?=0(\.0)?$)/, "");
  }
  function change(share) {
    const size = Math.round(100 * Math.abs(share));
    const sign = size === 0 ? "±" : share > 0 ? "+" : "−";
    return sign + number(size) + (page.lang === "zh" ? "%" : "\u00a0%");
  }

  function percent(share) {
    const size = Math.round(100 * share);
    const text = share > 0 && size === 0 ? "<1" : share < 1 && size === 100 ? ">99" : number(size);
    return text + (page.lang === "zh" ? "%" : "\u00a0%");
  }

  const plain = (text) => text.normalize("NFKC").toLowerCase();

  // ---- tables ---------------------------------------------------------------------------------
  function setUpTable(table) {
    const rows = [...table.tBodies]; // an item is a body of two rows: its numbers and its reason
    const filter = document.querySelector(`[data-filters="${table.id}"]`);
    const count = document.querySelector(`[data-count-for="${table.id}"]`);
    const searched = rows.map((row) => plain(row.querySelector("th").textContent));
    const more = document.createElement("button");
    more.type = "button";
    more.className = "more";
    table.parentElement.after(more);
    let all = rows.length <= FIRST_ROWS + 5;

    function show() {
      const wanted = plain(filter.value.trim());
      const found = new Set(rows.filter((_, k) => searched[k].includes(wanted)));
      let shown = 0;
      for (const row of table.tBodies) {
        row.hidden = !found.has(row) || (!all && !wanted && shown >= FIRST_ROWS);
        if (!row.hidden) shown += 1;
      }
      count.textContent = say("rows", { shown: number(shown), total: number(rows.length) });
      more.hidden = all || wanted !== "";
      more.textContent = say("all", { n: number(rows.length) });
    }

    function sort(head) {
      const button = head.querySelector("button");
      const old = head.getAttribute("aria-sort");
      const order = old === "none" ? button.dataset.first : old === "ascending" ? "descending" : "ascending";
      for (const other of table.tHead.rows[0].cells) other.setAttribute("aria-sort", other === head ? order : "none");
      const sign = order === "ascending" ? 1 : -1;
      const column = head.cellIndex;
      const words = button.dataset.sort === "text" ? new Intl.Collator(report.tags[page.lang], { numeric: true }) : null;
      const value = (body) => body.rows[0].cells[column].dataset.v;
      table.append(...[...rows].sort((a, b) => {
        const [x, y] = [value(a), value(b)];
        if (x === undefined || y === undefined) return (x === undefined) - (y === undefined); // unknown comes last
        return sign * (words ? words.compare(x, y) : x - y);
      }));
      show();
    }

    // Headings stay in view where the table fits; one that is too wide scrolls in its box instead.
    const box = table.parentElement;
    new ResizeObserver(() => box.classList.toggle("fits", table.offsetWidth <= box.clientWidth)).observe(box);

    for (const head of table.tHead.rows[0].cells) head.querySelector("button").addEventListener("click", () => sort(head));
    filter.addEventListener("input", show);
    more.addEventListener("click", () => { all = true; show(); });
    listeners.push(show);
  }

  // ---- begin ----------------------------------------------------------------------------------
  function begin() {
    document.querySelectorAll("table.sortable").forEach(setUpTable);
    for (const button of document.querySelectorAll("[data-lang]")) {
      button.addEventListener("click", () => { remember("lang", button.dataset.lang); setLanguage(button.dataset.lang); });
    }
    for (const button of document.querySelectorAll("[data-theme-choice]")) {
      button.addEventListener("click", () => { remember("theme", button.dataset.themeChoice); setTheme(button.dataset.themeChoice); });
    }
    addEventListener("hashchange", () => {
      const lang = location.hash.slice(1);
      if (lang in report.tags) setLanguage(lang);
    });
    darkScreen.addEventListener("change", () => setTheme(root.dataset.theme));
    page.lang = firstLanguage();
    setTheme(firstTheme());
    setLanguage(page.lang);
  }

  return { lang: report.lang, begin, say, number, change, percent, plain, onChange: (listener) => listeners.push(listener) };
})();
