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

  window.dash_clientside = Object.assign({}, window.dash_clientside, {
    nas: {
      scheme: function (_) {
        dark.onchange = () => dash().set_props("scheme", { data: scheme() });
        return scheme();
      },
      paint: function (figure, wanted, partners) {
        return figure ? painted(figure, partners, wanted) : dash().no_update;
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
