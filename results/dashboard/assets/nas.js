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
  if (!window.dash_clientside) return;
  const same = window.dash_clientside.no_update;

  window.dash_clientside.nas = {
    scheme: function (_) {
      dark.onchange = () => window.dash_clientside.set_props("scheme", { data: scheme() });
      return scheme();
    },
    paint: function (figure, wanted, partners) {
      return figure ? painted(figure, partners, wanted) : same;
    },
    // A click on a point, a name in the table, or a pin's cross.
    pin: function (clicked, pins) {
      const point = clicked && clicked.points && clicked.points[0];
      if (!point || typeof point.customdata !== "number") return same;
      return pin(pins, point.customdata);
    },
    press: function (pressed, pins) {
      return pressed ? pin(pins, pressed.trial) : same;
    },
  };

  document.addEventListener("click", (event) => {
    const button = event.target.closest("[data-trial]");
    if (!button) return;
    const trial = Number(button.dataset.trial);
    window.dash_clientside.set_props("pressed", { data: { trial, at: event.timeStamp } });
  });
  document.addEventListener("change", (event) => {
    const select = event.target.closest("select[data-store]");
    if (select) window.dash_clientside.set_props(select.dataset.store, { data: select.value });
  });
})();
