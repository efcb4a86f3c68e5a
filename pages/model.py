"""Model card: what is known of a model, in the order of TRIPOD+AI, and what is open."""

import streamlit as st

from ui.models import card
from ui.shell.session import lab, project_or_stop

project = project_or_stop("Model card")
st.title("Model card")
known = [*lab().models.list(project.id), *lab().models.archived(project.id)]
if not known:
    st.info("There is no model yet. What comes out of a training, or is brought in, has its card here.")
    st.page_link("pages/train.py", label="Train a network", icon=":material/model_training:")
    st.stop()

model = card.picker(known)
document = lab().models.card(model.id)
card.head(document)
card.files(document)
card.items(document)
