// Tells of ended jobs; where the page asks for it, a button that turns this on and off.

import { announce, standing, turn } from './notices.js'

const WORDS = {
  insecure: 'This browser notifies over HTTPS only.',
  missing: 'This browser knows no notifications.',
  denied: 'Notifications are blocked for this site; the browser’s settings allow them.',
  on: 'Stop notifying me in this browser',
  off: 'Notify me in this browser',
}

export default function ({ data, parentElement }) {
  announce(window, data.ended)
  if (data.button) draw(parentElement.querySelector('.notify'))
}

function draw(place) {
  const now = standing(window)
  if (now === 'on' || now === 'off') {
    const button = document.createElement('button')
    button.type = 'button'
    button.textContent = WORDS[now]
    button.setAttribute('aria-pressed', String(now === 'on'))
    button.onclick = async () => {
      await turn(window, now === 'off')
      draw(place)
      place.querySelector('button')?.focus()
    }
    place.replaceChildren(button)
  } else {
    place.replaceChildren(document.createTextNode(WORDS[now]))
  }
}
