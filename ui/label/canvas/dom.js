// Elements of the page, made and changed; what is as it should be already is not written.

export function partsOf(root) { return Object.fromEntries([...root.querySelectorAll('[data-part]')].map((el) => [el.dataset.part, el])) }

export function make(kind, name = '', text = '') {
  const el = document.createElement(kind)
  if (name) el.className = name
  if (text) el.textContent = text
  return el
}

export function write(el, text) { if (el.textContent !== text) el.textContent = text }
export function attribute(el, name, value) { if (el.getAttribute(name) !== value) el.setAttribute(name, value) }
export function toggle(el, name, on) { if (el.classList.contains(name) !== on) el.classList.toggle(name, on) }
