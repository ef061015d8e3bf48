// The static twin beside the panel is for readers without a kernel; while the panel is there it is not seen.

/**
 * @param {string} panelId
 * @returns {HTMLStyleElement} hides the twin for as long as it is in the page
 */
export function hideTwin(panelId) {
  const style = document.createElement("style");
  const twin = `.lsnb-twin-${panelId.replace(/[^0-9a-z]/gi, "")}`;
  style.textContent = `${twin} { display: none; } .jp-OutputArea-child:has(> * ${twin}) { display: none; }`;
  return style;
}
