// What pages do without this script, they do with it: it only saves clicks.
(function () {
  "use strict";
  var root = document.documentElement;
  var key = "registry-theme";
  function remembered() {
    try { return localStorage.getItem(key); } catch (_) { return null; }
  }
  // Before the first paint, so that a page never flashes in the other theme.
  var theme = remembered();
  if (theme === "dark" || theme === "light") { root.dataset.theme = theme; }

  function isDark() {
    return root.dataset.theme ? root.dataset.theme === "dark" : matchMedia("(prefers-color-scheme: dark)").matches;
  }

  function addThemeSwitch() {
    var place = document.querySelector("[data-theme-switch]");
    if (!place) { return; }
    var button = document.createElement("button");
    button.type = "button";
    button.className = "plain";
    function label() { button.textContent = isDark() ? "Light" : "Dark"; button.title = "Switch to the " + (isDark() ? "light" : "dark") + " theme"; }
    button.addEventListener("click", function () {
      root.dataset.theme = isDark() ? "light" : "dark";
      try { localStorage.setItem(key, root.dataset.theme); } catch (_) { /* The choice ends with the page. */ }
      label();
    });
    label();
    place.append(button);
  }

  function addCopyButtons() {
    if (!navigator.clipboard) { return; }
    document.querySelectorAll("[data-copy]").forEach(function (line) {
      var button = document.createElement("button");
      button.type = "button";
      button.textContent = "Copy";
      button.addEventListener("click", function () {
        navigator.clipboard.writeText(line.querySelector("code").textContent).then(function () {
          button.textContent = "Copied";
          setTimeout(function () { button.textContent = "Copy"; }, 1500);
        });
      });
      line.append(button);
    });
  }

  function rememberClient() {
    var radios = document.querySelectorAll(".install input[type=radio]");
    var kept;
    try { kept = localStorage.getItem("registry-client"); } catch (_) { kept = null; }
    radios.forEach(function (radio) {
      if (radio.value === kept) { radio.checked = true; }
      radio.addEventListener("change", function () {
        try { localStorage.setItem("registry-client", radio.value); } catch (_) { /* As above. */ }
      });
    });
  }

  // Lines of a source file, as in #L10-L20.
  function markLines() {
    var range = /^#L(\d+)-L(\d+)$/.exec(location.hash);
    document.querySelectorAll(".src tr.on").forEach(function (row) { row.classList.remove("on"); });
    if (!range) { return; }
    var first = Math.min(range[1], range[2]), last = Math.max(range[1], range[2]);
    for (var line = first; line <= last; line++) {
      var row = document.getElementById("L" + line);
      if (!row) { break; }
      row.classList.add("on");
      if (line === first) { row.scrollIntoView({ block: "center" }); }
    }
  }
  function selectRanges() {
    document.querySelectorAll(".src td.ln a").forEach(function (link) {
      link.addEventListener("click", function (event) {
        var from = /^#L(\d+)/.exec(location.hash);
        if (event.shiftKey && from) {
          event.preventDefault();
          location.hash = "#L" + from[1] + "-L" + link.hash.slice(2);
        }
      });
    });
  }

  function searchAsYouType(form) {
    var input = form.querySelector("input[type=search]");
    var list = document.createElement("ul");
    list.className = "hits";
    list.id = "hits-" + input.id;
    list.setAttribute("role", "listbox");
    list.setAttribute("aria-label", "Packages");
    list.hidden = true;
    form.querySelector(".find").append(list);
    input.setAttribute("role", "combobox");
    input.setAttribute("aria-autocomplete", "list");
    input.setAttribute("aria-controls", list.id);
    input.setAttribute("aria-expanded", "false");
    var at = -1, asked = "", timer = 0;

    function show(open) {
      list.hidden = !open;
      input.setAttribute("aria-expanded", String(open));
      if (!open) { at = -1; input.removeAttribute("aria-activedescendant"); }
    }
    function select(next) {
      var items = list.children;
      if (!items.length) { return; }
      at = (next + items.length) % items.length;
      Array.prototype.forEach.call(items, function (item, index) { item.setAttribute("aria-selected", String(index === at)); });
      input.setAttribute("aria-activedescendant", items[at].id);
    }
    function fill(found) {
      list.replaceChildren();
      found.objects.forEach(function (hit, index) {
        var item = document.createElement("li"), link = document.createElement("a"), text = document.createElement("span");
        item.setAttribute("role", "option");
        item.setAttribute("aria-selected", "false");
        item.id = list.id + "-" + index;
        link.href = form.dataset.package + encodeURIComponent(hit.package.name).replace("%40", "@").replace("%2F", "/");
        link.tabIndex = -1;
        var name = document.createElement("code");
        name.textContent = hit.package.name;
        text.className = "muted small";
        text.textContent = " " + (hit.package.description || "");
        link.append(name, text);
        item.append(link);
        list.append(item);
      });
      show(found.objects.length > 0 && document.activeElement === input);
    }
    input.addEventListener("input", function () {
      var text = input.value.trim();
      clearTimeout(timer);
      asked = text;
      if (!text) { show(false); return; }
      timer = setTimeout(function () {
        fetch(form.dataset.search + encodeURIComponent(text), { headers: { accept: "application/json" } })
          .then(function (answer) { return answer.ok ? answer.json() : { objects: [] }; })
          .then(function (found) { if (asked === text) { at = -1; fill(found); } })
          .catch(function () { show(false); });
      }, 120);
    });
    input.addEventListener("keydown", function (event) {
      if (event.key === "ArrowDown" && !list.hidden) { event.preventDefault(); select(at + 1); }
      else if (event.key === "ArrowUp" && !list.hidden) { event.preventDefault(); select(at < 0 ? -1 : at - 1); }
      else if (event.key === "Enter" && at >= 0) { event.preventDefault(); list.children[at].firstChild.click(); }
      else if (event.key === "Escape" && !list.hidden) { event.preventDefault(); show(false); }
    });
    input.addEventListener("blur", function () { setTimeout(function () { show(false); }, 150); });
  }

  document.addEventListener("keydown", function (event) {
    var typing = /^(INPUT|SELECT|TEXTAREA)$/.test(document.activeElement.tagName);
    if (event.key === "/" && !typing && !event.ctrlKey && !event.metaKey && !event.altKey) {
      var input = document.querySelector("main input[type=search]") || document.querySelector("input[type=search]");
      if (input) { event.preventDefault(); input.focus(); input.select(); }
    }
  });

  document.addEventListener("DOMContentLoaded", function () {
    addThemeSwitch();
    addCopyButtons();
    rememberClient();
    selectRanges();
    markLines();
    addEventListener("hashchange", markLines);
    document.querySelectorAll("form[data-search]").forEach(searchAsYouType);
  });
})();
