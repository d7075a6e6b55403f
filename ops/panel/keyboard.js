// The panel with the keyboard alone. JupyterLab runs this beside the panel, with `element` as a part of it.
//
// JupyterLab takes bare keys as commands of the notebook, also where a list or a button has the focus: an arrow leaves
// the cell, `m` makes it Markdown. And what has the focus loses it to nowhere when it is disabled or shown anew.
{
  const follow = (panel) => {
    let held = null; // what a person has put the focus on
    let keyed = false; // whether by the keyboard: only then the page is scrolled to where the focus goes
    let placed = null; // where it was put instead
    let placing = false;

    const part = (which) => panel.querySelector(`.ops-${which}`);
    const usable = (one) => one?.isConnected && !one.disabled && one.getClientRects().length > 0;
    const name = (one) => one.getAttribute("aria-label") ?? one.textContent;
    const anew = (one) => [...panel.querySelectorAll(one.localName)].find((other) => name(other) === name(one));

    const place = () => {
      const now = document.activeElement;
      const lost = now === document.body || now === placed || !usable(now);
      if (!held || !lost) return;
      if (!held.isConnected) held = anew(held) ?? held;
      const busy = panel.classList.contains("ops-busy");
      // Back to where it was as soon as can be. Until then to what tells of the run, from where the next stop is Cancel:
      // on Cancel itself, an Enter that is held down would stop the run. If never, to what came of it.
      const next = [held, part("work"), busy ? null : part("result"), panel].find(usable);
      if (!busy) held = next;
      if (next === now) return;
      placed = next;
      placing = true;
      if (next.tabIndex < 0) next.tabIndex = -1; // without the attribute it takes no focus
      next.focus({ preventScroll: !keyed });
      placing = false;
    };

    panel.tabIndex = -1;
    panel.addEventListener("keydown", (event) => {
      // JupyterLab (4.1 and later) hears of a key at the document, after the panel. Ctrl+S and its like stay its own.
      if (!event.ctrlKey && !event.altKey && !event.metaKey) event.stopPropagation();
    });
    panel.addEventListener("focusin", (event) => {
      if (placing) return;
      held = event.target;
      keyed = held.matches(":focus-visible");
      placed = null;
    });
    panel.addEventListener("focusout", (event) => {
      const left = event.target;
      setTimeout(() => {
        const now = document.activeElement;
        if (usable(left) && now !== left && !panel.contains(now)) held = null; // a person has gone elsewhere
      });
    });
    const changes = { subtree: true, childList: true, attributeFilter: ["disabled", "style", "class"] };
    new MutationObserver(place).observe(panel, changes);
  };

  const begin = new ResizeObserver(() => {
    const panel = element.closest(".ops-panel");
    if (!panel) return;
    begin.disconnect();
    follow(panel);
  });
  begin.observe(element); // which is not in the page yet
}
