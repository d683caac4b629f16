// What runs in the browser: colours by the reader's system, and which trials are pinned.
(function () {
  "use strict";
  const dark = window.matchMedia("(prefers-color-scheme: dark)");
  const scheme = () => (dark.matches ? "dark" : "light");

  // Light colours of a figure replaced by their partners; everything else stays as it is.
  function painted(figure, partners, wanted) {
    if (wanted !== "dark" || !figure) return figure;
    const swap = (value) => {
      if (typeof value === "string") return partners[value] || value;
      if (Array.isArray(value)) return value.map(swap);
      if (value && typeof value === "object") {
        const copy = {};
        for (const key of Object.keys(value)) copy[key] = swap(value[key]);
        return copy;
      }
      return value;
    };
    return swap(figure);
  }

  function pin(pins, number) {
    pins = pins || [];
    if (pins.includes(number)) return pins.filter((other) => other !== number);
    return pins.length < 2 ? pins.concat(number) : [pins[0], number];
  }

  window.nasPaint = { painted, scheme, dark };
  const dash = () => window.dash_clientside; // the renderer comes after this file

  // Dash makes anew whatever a callback returns as children: a button would be gone under the
  // pointer, a scrolled table back at its top. React's own comparison, by keys, leaves in place
  // what has not changed.
  const roots = new WeakMap();
  function element(node, index) {
    if (Array.isArray(node)) return node.map(element);
    if (!node || !node.props) return node;
    const { children, ...props } = node.props;
    return React.createElement(node.type.toLowerCase(), { key: index, ...props }, element(children));
  }
  function grow(tree, id, tries = 60) {
    const place = document.getElementById(id);
    if (!place) {
      if (tries) requestAnimationFrame(() => grow(tree, id, tries - 1));
      return;
    }
    if (!roots.has(place)) roots.set(place, ReactDOM.createRoot(place));
    roots.get(place).render(element(tree));
  }

  // plotly.js is by far the largest script. It is fetched with the page and run once the head and
  // the tables stand.
  let library = null;
  function plotly() {
    library ??= new Promise((done) => {
      const script = document.createElement("script");
      script.src = document.querySelector("link[rel=preload][as=script]").href;
      script.onload = () => done(window.Plotly);
      setTimeout(() => document.head.append(script), 50);
    });
    return library;
  }

  // A figure is drawn when it comes into view: at many trials the browser's work is what takes
  // time. One that somebody points at or drags on is drawn when they have done, but at once where
  // they asked for something else to be shown, which its layout's uirevision and meta tell.
  const AHEAD = 300; // pixels of scrolling
  const LATER = 250; // milliseconds until the rest of the page is asked for
  const asked = {};
  const held = {};
  const drawn = new Map();
  let spent = 0; // milliseconds of drawing since the last look at the run
  const frameOf = (name) => document.getElementById("frame-" + name);
  function away(frame) {
    const box = frame.getBoundingClientRect();
    return box.bottom < -AHEAD || box.top > window.innerHeight + AHEAD;
  }
  const busy = (frame) =>
    frame.querySelector(".hovertext") || document.querySelector(".dragcover");
  async function draw(name) {
    const { figure, config } = held[name];
    delete held[name];
    const Plotly = await plotly();
    const place = frameOf(name) && frameOf(name).firstElementChild;
    if (!place) return;
    const before = drawn.get(name);
    if (before && before !== place) Plotly.purge(before); // its part of the page was made anew
    const since = performance.now();
    await Plotly.react(place, figure.data, figure.layout, config);
    spent += performance.now() - since;
    if (drawn.get(name) !== place) place.on("plotly_click", clicked);
    drawn.set(name, place);
  }
  function clicked(event) {
    const trial = event.points[0].customdata;
    if (typeof trial === "number") press(trial, event.event.timeStamp);
  }
  function press(trial, at) {
    dash().set_props("pressed", { data: { trial, at } });
  }
  function release(name) {
    const frame = frameOf(name);
    const kept = held[name];
    if (!kept) return;
    if (!frame) return void delete held[name];
    if (away(frame) || (kept.same && busy(frame))) return void setTimeout(release, 200, name);
    draw(name);
  }
  window.addEventListener("beforeprint", () => Object.keys(held).forEach(draw));

  window.dash_clientside = Object.assign({}, window.dash_clientside, {
    nas: {
      scheme: function (_) {
        dark.onchange = () => dash().set_props("scheme", { data: scheme() });
        return scheme();
      },
      paint: function (text, wanted, look, id) {
        if (!text) return dash().no_update;
        const figure = painted(JSON.parse(text), look.partners, wanted);
        const before = asked[id.name];
        asked[id.name] = JSON.stringify([figure.layout.uirevision, figure.layout.meta, wanted]);
        const waits = id.name in held;
        held[id.name] = { figure, config: look.config, same: asked[id.name] === before };
        if (!waits) setTimeout(release, 0, id.name);
        return dash().no_update;
      },
      // What stands at the top of the page is asked for and drawn first.
      later: function (version) {
        return new Promise((done) => setTimeout(done, LATER, version));
      },
      // The search that is looked at comes first: drawing takes a twentieth of the time at most.
      rest: function (_, every, look) {
        const wanted = Math.max(look.every, Math.round(20 * spent));
        spent = 0;
        return wanted === every ? dash().no_update : wanted;
      },
      grow: function (tree, id) {
        if (tree) grow(tree, id);
        return dash().no_update;
      },
      // A click on a point, on a name in the table, or on "unpin".
      press: function (pressed, pins) {
        return pressed ? pin(pins, pressed.trial) : dash().no_update;
      },
    },
  });

  document.addEventListener("click", (event) => {
    const button = event.target.closest("[data-trial]");
    if (!button) return;
    press(Number(button.dataset.trial), event.timeStamp);
    const card = document.getElementById("detail");
    if (card) setTimeout(() => card.scrollIntoView({ behavior: "smooth", block: "nearest" }), 400);
  });
  document.addEventListener("change", (event) => {
    const select = event.target.closest("select[data-store]");
    if (select) dash().set_props(select.dataset.store, { data: select.value });
  });
})();
