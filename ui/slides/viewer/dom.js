// Elements of the bar and of legends.

export function element(kind, name = '', words = '') {
  const made = document.createElement(kind)
  made.className = name
  made.textContent = words
  return made
}

// A button that carries what it stands for in its data.
export function button(title, data, role = null) {
  const made = element('button', '', title)
  made.type = 'button'
  if (role) made.role = role
  Object.assign(made.dataset, data)
  return made
}

export function checkbox(title, name, on) {
  const made = element('label')
  const box = element('input')
  box.type = 'checkbox'
  box.name = name
  box.checked = on
  made.append(box, title)
  return made
}
