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

  // A figure is drawn when it comes into view: at many trials the browser's work is what takes
  // time. One that somebody points at or drags on is drawn when they have done, but at once where
  // they asked for something else to be shown, which its layout's uirevision and meta tell.
  const AHEAD = 300; // pixels of scrolling
  const asked = {};
  const held = {};
  const frameOf = (id) => document.getElementById("frame-" + id.name);
  function away(frame) {
    const box = frame.getBoundingClientRect();
    return box.bottom < -AHEAD || box.top > window.innerHeight + AHEAD;
  }
  const busy = (frame) =>
    frame.querySelector(".hovertext") || document.querySelector(".dragcover");
  function release(id) {
    const frame = frameOf(id);
    const kept = held[id.name];
    if (!kept) return;
    if (frame && (away(frame) || (kept.same && busy(frame)))) {
      return void setTimeout(release, 200, id);
    }
    delete held[id.name];
    if (frame) dash().set_props(id, { figure: kept.figure });
  }
  window.addEventListener("beforeprint", () => {
    for (const { id, figure } of Object.values(held)) dash().set_props(id, { figure });
  });

  window.dash_clientside = Object.assign({}, window.dash_clientside, {
    nas: {
      scheme: function (_) {
        dark.onchange = () => dash().set_props("scheme", { data: scheme() });
        return scheme();
      },
      paint: function (text, wanted, partners, id) {
        if (!text) return dash().no_update;
        let figure = JSON.parse(text);
        const before = asked[id.name];
        asked[id.name] = JSON.stringify([figure.layout.uirevision, figure.layout.meta, wanted]);
        figure = painted(figure, partners, wanted);
        const same = asked[id.name] === before;
        const frame = frameOf(id);
        const waits = id.name in held;
        delete held[id.name];
        if (!frame || !(away(frame) || (same && busy(frame)))) return figure;
        held[id.name] = { id, figure, same };
        if (!waits) setTimeout(release, 200, id);
        return dash().no_update;
      },
      grow: function (tree, id) {
        if (tree) grow(tree, id);
        return dash().no_update;
      },
      // A click on a point, on a name in the table, or on "unpin".
      pin: function (clicked, pins) {
        const point = clicked && clicked.points && clicked.points[0];
        const known = point && typeof point.customdata === "number";
        return known ? pin(pins, point.customdata) : dash().no_update;
      },
      press: function (pressed, pins) {
        return pressed ? pin(pins, pressed.trial) : dash().no_update;
      },
    },
  });

  document.addEventListener("click", (event) => {
    const button = event.target.closest("[data-trial]");
    if (!button) return;
    const trial = Number(button.dataset.trial);
    dash().set_props("pressed", { data: { trial, at: event.timeStamp } });
    const card = document.getElementById("detail");
    if (card) setTimeout(() => card.scrollIntoView({ behavior: "smooth", block: "nearest" }), 400);
  });
  document.addEventListener("change", (event) => {
    const select = event.target.closest("select[data-store]");
    if (select) dash().set_props(select.dataset.store, { data: select.value });
  });
})();
