"use strict";
(() => {
  const data = JSON.parse(document.getElementById("data").textContent);
  const byId = (id) => document.getElementById(id);
  const [map, overlay, details, filter] = ["map", "overlay", "details", "filter"].map(byId);
  const buttons = [...document.querySelectorAll(".group")];
  const nodes = [...map.querySelectorAll(".node")];
  const shelves = [...map.querySelectorAll(".shelf")];
  const hint = [...details.childNodes];
  const words = { nvlink: "NVLink", pcie: "PCIe", rdma: "RDMA", vpc: "VPC" };
  // More lines than these hide what they connect.
  const MOST_LINES = 600;
  const MOST_PLACES = 100;
  const sheet = document.head.appendChild(document.createElement("style")).sheet;
  // Dimming this many cells takes too long while the pointer moves.
  const dense = document.body.classList.contains("compact");
  let selected = null;
  let shown = null;

  const element = (name, text, className) => {
    const made = document.createElement(name);
    if (text !== undefined) made.textContent = text;
    if (className) made.className = className;
    return made;
  };
  const drawn = (name, attributes) => {
    const made = document.createElementNS("http://www.w3.org/2000/svg", name);
    for (const [key, value] of Object.entries(attributes)) made.setAttribute(key, value);
    return made;
  };

  // Rules of a style sheet dim everything else at once, however many cells there are.
  const dim = (groups) => {
    while (sheet.cssRules.length > 0) sheet.deleteRule(0);
    if (groups === null) return;
    sheet.insertRule("#map .run, #map .label { opacity: .13; }");
    if (groups.length === 0) return;
    sheet.insertRule(groups.map((g) => `#map .g${g}`).join(",") + "{ opacity: 1; }", 1);
  };

  // The class of the link between two machines: that of the narrowest domain that both are in.
  const link = (a, b) => {
    const [one, two] = [data.nodes[a], data.nodes[b]];
    for (let level = one.length - 1; level >= 0; level--) {
      if (one[level] !== null && one[level] === two[level]) return data.links[level];
    }
    return "vpc";
  };

  // Pairs of machines that the pods of a group talk between, each once.
  const pairs = (g) => {
    const found = new Map();
    const add = (a, b) => {
      if (a !== b && a !== undefined && b !== undefined) found.set(a < b ? `${a} ${b}` : `${b} ${a}`, [a, b]);
    };
    const places = data.places[g];
    for (const role of places) for (const pods of role) for (const pod of pods) add(pods[0], pod);
    for (const [from, to] of data.edges[g]) {
      for (const here of places[from]) for (const there of places[to]) add(here[0], there[0]);
    }
    return [...found.values()];
  };

  const draw = (g) => {
    overlay.replaceChildren();
    if (g === null) return 0;
    const ground = map.getBoundingClientRect();
    overlay.setAttribute("width", ground.width);
    overlay.setAttribute("height", ground.height);
    const places = new Map();
    const place = (n) => {
      if (!places.has(n)) {
        const box = byId("n" + n).querySelector(".frame").getBoundingClientRect();
        const [x, y] = [box.left - ground.left, box.top - ground.top];
        places.set(n, { x, y, width: box.width, height: box.height, ends: 0 });
      }
      return places.get(n);
    };
    // The ends of the lines of a node lie beside each other: from its middle outwards.
    const end = (p) => {
      const step = p.ends++ % 12;
      return p.x + p.width * (0.5 + (step % 2 ? 1 : -1) * Math.ceil(step / 2) * 0.06);
    };
    const all = pairs(g);
    const lines = [];
    for (const [a, b] of all.slice(0, MOST_LINES)) {
      const [p, q] = [place(a), place(b)];
      let path;
      if (Math.abs(p.x - q.x) < 2) {
        const [from, to, right] = [p.y + p.height / 2, q.y + q.height / 2, p.x + p.width];
        const bend = right + 8 + Math.min(30, Math.abs(from - to) / 5);
        path = `M${right} ${from}C${bend} ${from} ${bend} ${to} ${right} ${to}`;
      } else {
        const [from, to] = [end(p), end(q)];
        const lift = Math.min(80, 14 + Math.abs(from - to) * 0.09);
        path = `M${from} ${p.y}C${from} ${p.y - lift} ${to} ${q.y - lift} ${to} ${q.y}`;
      }
      lines.push([path, link(a, b)]);
    }
    for (const [path] of lines) overlay.append(drawn("path", { class: "halo", d: path }));
    for (const [path, kind] of lines) overlay.append(drawn("path", { class: `line ${kind}`, d: path }));
    return all.length;
  };

  const factsOf = (node) => node.querySelector("title").textContent.split("\n");
  const nameOf = (n) => factsOf(byId("n" + n))[0];

  const describeGroup = (g, lines) => {
    const button = buttons[g];
    const list = element("ul");
    for (const row of document.querySelectorAll(`#traffic tr[data-g="${g}"]`)) {
      const [, edge, floor, kind, level, count] = [...row.cells].map((cell) => cell.textContent);
      const required = floor ? `, ${words[floor] || floor} required` : "";
      const item = element("li", `${edge}: `);
      item.append(element("b", kind), ` within one ${level}, ${count} ${count === "1" ? "pair" : "pairs"}${required}`);
      list.append(item);
    }
    details.replaceChildren(element("h2", button.dataset.name), list);
    if (lines > MOST_LINES) details.append(element("p", `${MOST_LINES} of ${lines} lines are drawn.`, "muted"));
    const places = element("ul");
    data.places[g].forEach((instances, role) => {
      instances.slice(0, MOST_PLACES).forEach((pods, index) => {
        const item = element("li", `${data.roles[g][role]} ${index}: `);
        item.append(element("span", [...new Set(pods)].map(nameOf).join(", "), "muted"));
        places.append(item);
      });
      const more = instances.length - MOST_PLACES;
      if (more > 0) places.append(element("li", `and ${more} more of ${data.roles[g][role]}`));
    });
    details.append(element("h2", "Places"), places);
  };

  const describeNode = (node) => {
    const [name, ...facts] = factsOf(node);
    const list = element("ul");
    for (const fact of facts) list.append(element("li", fact));
    details.replaceChildren(element("h2", name), list);
  };

  const matching = () => {
    const text = filter.value.trim().toLowerCase();
    const found = buttons.filter((b) => b.dataset.find.toLowerCase().includes(text));
    return { text, found };
  };

  // What is highlighted: the group under the pointer, else the selected one, else those of the filter.
  const show = (g) => {
    if (g === shown) return;
    shown = g;
    if (g !== null) {
      if (!dense || g === selected) dim([g]);
      describeGroup(g, draw(g));
      return;
    }
    draw(null);
    const { text, found } = matching();
    dim(text ? found.map((b) => b.dataset.g) : null);
    details.replaceChildren(...hint);
  };

  // Brings the name and the first cell of a group into sight, where they are not.
  const reveal = (g) => {
    const seen = [...map.querySelectorAll(".run.g" + g)].map((run) => run.getBoundingClientRect());
    if (seen.length > 0 && !seen.some((box) => box.top >= 0 && box.bottom <= innerHeight)) {
      scrollBy({ top: seen[0].top - innerHeight / 2 });
    }
    const name = buttons[g].getBoundingClientRect();
    const around = byId("groups").getBoundingClientRect();
    if (name.top < around.top || name.bottom > around.bottom) byId("groups").scrollTop += name.top - around.top - 40;
  };

  const select = (g) => {
    selected = g === selected ? null : g;
    for (const b of buttons) b.setAttribute("aria-pressed", String(Number(b.dataset.g) === selected));
    if (selected !== null) reveal(selected);
    shown = undefined;
    show(selected);
    const hash = selected === null ? "" : "#group=" + encodeURIComponent(buttons[selected].dataset.name);
    history.replaceState(null, "", location.pathname + location.search + hash);
  };

  const groupsOf = (node) => {
    const names = [...node.querySelectorAll(".run")].flatMap((run) => [...run.classList]);
    return [...new Set(names.filter((name) => /^g\d+$/.test(name)).map((name) => Number(name.slice(1))))];
  };

  // One stop of the tab key for the map, one for the list; the arrow keys move inside.
  const focus = (list, from, to) => {
    if (!to || from === to) return;
    if (from) from.setAttribute("tabindex", "-1");
    to.setAttribute("tabindex", "0");
    to.focus();
    to.scrollIntoView({ block: "nearest", inline: "nearest" });
  };
  if (nodes.length > 0) nodes[0].setAttribute("tabindex", "0");

  map.addEventListener("keydown", (event) => {
    const node = event.target.closest(".node");
    if (!node) return;
    const shelf = node.closest(".shelf");
    const row = [...shelf.querySelectorAll(".node")].indexOf(node);
    const beside = (step) => {
      const next = shelves[shelves.indexOf(shelf) + step];
      if (!next) return null;
      const list = next.querySelectorAll(".node");
      return list[Math.min(row, list.length - 1)];
    };
    const at = nodes.indexOf(node);
    const to = {
      ArrowDown: nodes[at + 1],
      ArrowUp: nodes[at - 1],
      ArrowRight: beside(1),
      ArrowLeft: beside(-1),
      Home: nodes[0],
      End: nodes[nodes.length - 1],
    };
    if (event.key in to) {
      event.preventDefault();
      focus(nodes, node, to[event.key]);
    } else if (event.key === "Enter" || event.key === " ") {
      event.preventDefault();
      // Again and again goes through all groups of the node.
      const groups = groupsOf(node);
      if (groups.length > 0) select(groups[(groups.indexOf(selected) + 1) % groups.length]);
    }
  });
  map.addEventListener("focusin", (event) => {
    const node = event.target.closest(".node");
    if (node) describeNode(node);
  });
  map.addEventListener("pointerover", (event) => {
    const node = event.target.closest(".node");
    if (!node) return;
    const run = event.target.closest(".run");
    const g = run && [...run.classList].find((name) => /^g\d+$/.test(name));
    if (selected === null) show(g ? Number(g.slice(1)) : null);
    describeNode(node);
  });
  map.addEventListener("pointerleave", () => {
    shown = undefined;
    show(selected);
  });
  map.addEventListener("click", (event) => {
    const run = event.target.closest(".run");
    const g = run && [...run.classList].find((name) => /^g\d+$/.test(name));
    if (g) select(Number(g.slice(1)));
    else if (selected !== null) select(selected);
  });

  const list = byId("groups");
  list.addEventListener("click", (event) => {
    const button = event.target.closest(".group");
    if (button) select(Number(button.dataset.g));
  });
  list.addEventListener("pointerover", (event) => {
    const button = event.target.closest(".group");
    if (button && selected === null) show(Number(button.dataset.g));
  });
  list.addEventListener("pointerleave", () => show(selected));
  list.addEventListener("keydown", (event) => {
    const visible = buttons.filter((b) => !b.parentElement.hidden);
    const at = visible.indexOf(event.target.closest(".group"));
    const to = { ArrowDown: visible[at + 1], ArrowUp: visible[at - 1], Home: visible[0], End: visible[visible.length - 1] };
    if (at < 0 || !(event.key in to)) return;
    event.preventDefault();
    focus(visible, visible[at], to[event.key]);
  });

  filter.addEventListener("input", () => {
    const { found } = matching();
    for (const b of buttons) b.parentElement.hidden = !found.includes(b);
    buttons.forEach((b) => b.setAttribute("tabindex", b === found[0] ? "0" : "-1"));
    byId("nothing").hidden = found.length > 0;
    shown = undefined;
    show(selected);
  });
  document.addEventListener("keydown", (event) => {
    if (event.key === "Escape") {
      filter.value = "";
      filter.dispatchEvent(new Event("input"));
      if (selected !== null) select(selected);
    } else if (event.key === "/" && event.target !== filter) {
      event.preventDefault();
      filter.focus();
    }
  });
  addEventListener("resize", () => draw(shown ?? selected));

  const wanted = /^#group=(.*)$/.exec(location.hash);
  const named = wanted && buttons.find((b) => b.dataset.name === decodeURIComponent(wanted[1]));
  if (named) select(Number(named.dataset.g));
})();
