// Messages to the page that nobody asked for: a fresh permission, the end of the queue. They name this page, and would bring
// it back if they overtook or followed a click that is on its way to another one. Streamlit sends a moment after it was told
// to, so it is not enough to look for a click before: what is to be said waits until nobody has pointed at anything else for
// a while, and at least so long from when it came up, since the last label saved is just when a reader turns to a link. A
// busy lab may take long to begin the page a link names, and until then Streamlit does not tell that one is awaited.
const CLICK_SETTLES_MS = 3000
const LINK_SETTLES_MS = 60_000 // by then its page has taken the place of this one
const STILL_MS = 600

export class Messages {
  constructor(root) {
    this.quietFrom = 0
    this.path = window.location.pathname
    this.waiting = new Map() // name -> timer
    const wait = (ms) => { this.quietFrom = Math.max(this.quietFrom, performance.now() + ms) }
    this.heard = (event) => {
      const path = event.composedPath()
      if (path.includes(root)) return
      if (event.type !== 'click') return wait(STILL_MS)
      const stays = event.ctrlKey || event.metaKey || !path.some((el) => this.leaves(el)) // with those keys in another tab
      wait(stays ? CLICK_SETTLES_MS : LINK_SETTLES_MS)
    }
    for (const name of ['click', 'pointermove']) window.addEventListener(name, this.heard, true)
  }

  tell(name, send) {
    this.later(name, send, performance.now() + STILL_MS)
  }

  later(name, send, earliest) {
    clearTimeout(this.waiting.get(name))
    const left = Math.max(earliest, this.quietFrom, this.pageRests() ? 0 : performance.now() + STILL_MS) - performance.now()
    if (left <= 0) return send()
    this.waiting.set(name, setTimeout(() => this.later(name, send, earliest), Math.min(left, CLICK_SETTLES_MS)))
  }

  leaves(el) { return el.href !== undefined && el.pathname !== this.path }

  // Neither is it drawn, nor is the address another page's already, as after a step back.
  pageRests() {
    const state = document.querySelector('.stApp')?.dataset.testScriptState
    return (state === undefined || state === 'notRunning') && window.location.pathname === this.path
  }

  close() {
    for (const timer of this.waiting.values()) clearTimeout(timer)
    for (const name of ['click', 'pointermove']) window.removeEventListener(name, this.heard, true)
  }
}
