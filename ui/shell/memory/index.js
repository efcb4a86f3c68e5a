// The tab's memory of who reads, kept by the page that knows it; the next page it opens tells it (`tellReader`).

import { remember } from './remembered.js'

export default function ({ data }) {
  remember(sessionStorage, data.name)
}
