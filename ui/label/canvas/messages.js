// Messages to the page that nobody asked for: a fresh permission, the end of the queue. They name this page, and would bring
// it back if they overtook or followed a click that is on its way to another one. Streamlit sends a moment after it was told
// to, so it is not enough to look for a click before: what is to be said waits until nobody has pointed at anything else for
// a while, and at least so long from when it came up, since the last label saved is just when a reader turns to a link. What
// was asked for by that click may take a busy lab longer to begin: it waits too while the page is awaited or being drawn.
const CLICK_SETTLES_MS = 3000
const STILL_MS = 600

export class Messages {
  constructor(root) {
    this.quietFrom = 0
    this.waiting = new Map() // name -> timer
    const wait = (ms) => { this.quietFrom = Math.max(this.quietFrom, performance.now() + ms) }
    this.heard = (event) => {
      if (!event.composedPath().includes(root)) wait(event.type === 'click' ? CLICK_SETTLES_MS : STILL_MS)
    }
    for (const name of ['click', 'pointermove']) window.addEventListener(name, this.heard, true)
  }

  tell(name, send) {
    this.later(name, send, performance.now() + STILL_MS)
  }

  later(name, send, earliest) {
    clearTimeout(this.waiting.get(name))
    const left = Math.max(earliest, this.quietFrom, pageRests() ? 0 : performance.now() + STILL_MS) - performance.now()
    if (left <= 0) return send()
    this.waiting.set(name, setTimeout(() => this.later(name, send, earliest), Math.min(left, CLICK_SETTLES_MS)))
  }

  close() {
    for (const timer of this.waiting.values()) clearTimeout(timer)
    for (const name of ['click', 'pointermove']) window.removeEventListener(name, this.heard, true)
  }
}

function pageRests() { return [undefined, 'notRunning'].includes(document.querySelector('.stApp')?.dataset.testScriptState) }
