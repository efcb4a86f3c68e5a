// Whose the wheel is over a picture that fills much of the page: it scrolls the page, as anywhere on it, and zooms the
// picture once a person has pressed into that, until they press elsewhere; with Ctrl or ⌘, or in full screen, at once.

const HINT_MS = 1600
export const HINT = 'Click into the picture, or hold Ctrl, to zoom with the wheel'

// Guards the wheel over `stage`; `hint` is an element that says how to zoom, shown where the page was scrolled instead.
// Gives back what ends it.
export function guardWheel(stage, hint, page = document) {
  hint.textContent = HINT
  hint.hidden = true
  let inside = false
  let waits = null
  const hide = () => { clearTimeout(waits); hint.hidden = true }
  const elsewhere = () => { inside = false } // of the page first, so that a press into the stage counts after it
  const pressed = () => { inside = true; hide() }
  const wheel = (event) => {
    if (inside || event.ctrlKey || event.metaKey || page.fullscreenElement) return hide()
    event.stopPropagation() // it is the page's
    hint.hidden = false
    clearTimeout(waits)
    waits = setTimeout(hide, HINT_MS)
  }
  page.addEventListener('pointerdown', elsewhere, true)
  stage.addEventListener('pointerdown', pressed, true)
  stage.addEventListener('wheel', wheel, { capture: true, passive: true })
  return () => {
    hide()
    page.removeEventListener('pointerdown', elsewhere, true)
    stage.removeEventListener('pointerdown', pressed, true)
    stage.removeEventListener('wheel', wheel, { capture: true })
  }
}
