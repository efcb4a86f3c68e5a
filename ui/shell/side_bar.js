// On a tablet the side bar is folded until it is asked for, lies over the page, and goes again with a press on the page or on
// one of its links, as Streamlit has it on telephones only. What a wide window keeps of it stays as it was.

const KEPT = /^stSidebarCollapsed-/
const TABLET_PX = 1100 // as in theme.css

const FOLD = '[data-testid="stSidebarCollapseButton"] button' // there while it is open
const LEAVES = '[data-testid="stMain"], [data-testid="stSidebarNavLink"]'

export function foldOnTablets(window) {
  const { localStorage, document } = window
  const kept = Object.getPrototypeOf(localStorage)
  const { getItem, setItem } = kept
  const onTablet = () => window.innerWidth <= TABLET_PX
  const passedOver = (storage, name) => storage === localStorage && KEPT.test(name) && onTablet()
  kept.getItem = function (name) { return passedOver(this, name) ? 'true' : getItem.call(this, name) }
  kept.setItem = function (name, value) { if (!passedOver(this, name)) setItem.call(this, name, value) }
  window.addEventListener('click', ({ target }) => {
    if (onTablet() && target.closest?.(LEAVES)) document.querySelector(FOLD)?.click()
  }, true)
}
