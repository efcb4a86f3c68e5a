"""Score: let a model grade slides in the background, and see every score there is."""

import streamlit as st

from ui.models import score as parts
from ui.shell.jobs import as_slides_come
from ui.shell.session import lab, project_or_stop

project = project_or_stop("Score")
st.title("Score")
next_step = st.container()
slides = [slide for slide in lab().slides.list(project.id) if slide.status == "ready"]
models = lab().models.list(project.id)
scores = lab().scoring.list(project.id)

if not slides:
    st.info("There is no slide to score yet. Add one; patches are laid on it, and then a model can grade them.")
    st.page_link("pages/slides.py", label="Add slides", icon=":material/add:")
elif not models and parts.training_now(project.id) is None:
    st.info("There is no model yet. Train one on your labels.")
    st.page_link("pages/train.py", label="Train a network", icon=":material/model_training:")
elif not models:
    st.info("There is no model yet, but a training goes on: slides can be scored by themselves when it is done.")
    parts.start_scoring(project.id, parts.choose_slides(slides, {}), None, parts.choose_rule())
else:
    model = parts.choose_model(models)
    if model.card.simulated and not project.simulated:
        parts.offer_training()
    else:
        parts.warn_of_worth(model)
    by_this = {score.slide_id: score for score in scores if score.model_id == model.id}
    chosen = parts.choose_slides(slides, by_this)
    parts.start_scoring(project.id, chosen, model, parts.choose_rule())
    parts.calibration(project.id, model)
parts.scoring_jobs(project.id)

if scores:
    with next_step:
        parts.to_a_report(scores)
    st.header("Scores")
    parts.score_table(scores)
    parts.compare_models(scores)
    parts.all_reports(project.id)
as_slides_come(project)
