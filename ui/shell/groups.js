// Streamlit calls the place where files are dropped "presentation" and gives it a name, which say opposite things to who
// listens to a page (axe: presentation-role-conflict). It is a group of that name.

const DROP = 'section[data-testid="stFileUploaderDropzone"][role="presentation"]'

export function nameGroups({ document, MutationObserver }) {
  const name = () => { for (const place of document.querySelectorAll(DROP)) place.setAttribute('role', 'group') }
  new MutationObserver(name).observe(document, { childList: true, subtree: true })
}
