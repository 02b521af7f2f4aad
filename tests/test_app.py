"""The app as Streamlit runs it, page by page and in both languages, over run directories that a worker could have written."""

import json
import re

import pytest
from app_page import TIMEOUT
from app_page import opened as open_page
from run_writer import write_run
from streamlit.testing.v1 import AppTest

from vaelab.config.errors import RunError
from vaelab.runs import store
from vaelab.runs.files import write_json
from vaelab.runs.plan import plan
from vaelab.ui import guard
from vaelab.ui.start import showcase
from vaelab.ui.text import strings
from vaelab.ui.train import controls as train_controls
from vaelab.ui.widgets import figure
from vaelab.workers import launch, line


@pytest.fixture(autouse=True)
def _own_runs(tmp_path, monkeypatch):
    monkeypatch.setenv("VAELAB_RUNS", str(tmp_path / "runs"))
    monkeypatch.setattr(showcase, "favourite", lambda: None)  # the component needs a browser


def words(app: AppTest) -> str:
    kinds = (app.markdown, app.caption, app.info, app.warning, app.error)
    return "\n".join(str(element.value) for elements in kinds for element in elements)


def test_first_page_teaches_what_a_run_is():
    app = open_page()
    assert "A run is one training" in words(app)
    assert app.button(key="door_train").label == "Train your own"


def test_first_page_shows_runs_on_record():
    write_run("my-run", state="running")
    app = open_page()
    assert any("my-run" in str(link.proto.label) for link in app.get("page_link"))
    assert any("5.000 nats per image" in str(element.proto.body) for element in app.get("html"))  # 100 / 20


def test_both_languages():
    assert "最新训练" in words(open_page(lang="zh"))
    app = open_page("train", lang="zh")
    assert app.session_state["lang"] == "zh"
    assert any(button.label == "开始训练" for button in app.button)


def test_switching_the_language_keeps_the_settings():
    app = open_page("train")
    app.selectbox(key="set_dataset").select("digits").run()
    app.number_input(key="set_beta").set_value(4.0).run()
    app.segmented_control(key="lang").select("zh").run()
    assert not app.exception
    assert app.selectbox(key="set_dataset").value == "digits"
    assert app.number_input(key="set_beta").value == 4.0
    assert app.button(key="start_training").label == "开始训练"


def test_chinese_names_and_values_are_parted_by_a_full_width_colon():
    assert "许可：CC0 1.0（DiceBear 设计）" in words(open_page("train", lang="zh", run=""))


def test_an_unknown_language_in_the_address_is_english():
    assert "What is new" in words(open_page(lang="klingon"))


def test_settings_have_the_defaults_of_the_config():
    app = open_page("train")
    assert app.selectbox(key="set_dataset").value == "pixel-faces"
    assert app.number_input(key="set_latent_dim").value == 16
    assert app.number_input(key="set_beta").value == 1.0
    assert app.selectbox(key="set_device").value == "auto"
    assert [metric.value for metric in app.metric] == ["350,667", "3,072 → 16", "1,410"]


def test_a_chosen_network_says_what_it_does_and_what_the_browser_will_do():
    app = open_page("train")
    app.selectbox(key="set_network").select("resnet").run()
    told = words(app)
    for part in ("residual block at every size", "6.7 million", "about 60 pictures a second, or 12–58 traversal grids"):
        assert part in told


def test_the_autoencoder_says_why_its_latent_size_is_fixed():
    app = open_page("train")
    app.selectbox(key="set_model").select("autoencoder").run()
    assert app.number_input(key="set_latent_dim").disabled
    assert "384 numbers" in words(app)
    assert app.metric[0].value == "194,955"


def test_a_batch_larger_than_the_set_is_explained_and_cannot_be_started():
    app = open_page("train")
    app.selectbox(key="set_dataset").select("digits").run()
    app.number_input(key="set_batch_size").set_value(5000).run()
    assert "5,000" in app.error[0].value
    assert app.button(key="start_training").disabled


@pytest.mark.parametrize("folder", ["/there/is/nothing", "empty"])
def test_a_folder_without_images_is_one_sentence(tmp_path, folder):
    (tmp_path / "empty").mkdir()
    app = open_page("train")
    app.selectbox(key="set_dataset").select("own").run()
    app.text_input(key="set_folder").input(str(tmp_path / folder)).run()
    assert len(app.error) == 1
    assert not app.exception


def test_a_lesson_s_link_opens_its_method_even_beside_a_training():
    """It names the method by its code, in both languages; what is chosen afterwards stays."""
    write_run("busy", state="running")
    assert open_page("train", lang="zh", set_model="sigma-vae").session_state["set_model"] == "sigma-vae"
    app = open_page("train", set_model="vae-free-bits")
    assert app.selectbox(key="set_model").value == "vae-free-bits"
    app.selectbox(key="set_model").select("iwae").run()
    app.number_input(key="set_beta").set_value(2.0).run()
    assert app.selectbox(key="set_model").value == "iwae"
    assert open_page("train").selectbox(key="run_pick").value == "busy"


@pytest.mark.parametrize(
    ("model", "told", "untold"),
    [
        ("vq-vae", ("costs under the prior", "from the prior"), ("A plain autoencoder", "around the codes")),
        ("denoising-autoencoder", ("A plain autoencoder", "around the codes"), ("from the prior",)),
    ],
)
def test_a_code_that_is_no_distribution_is_told_as_what_it_is(model, told, untold):
    write_run("shown", cfg=plan("digits", model=model))
    page = words(open_page("train", run="shown"))
    assert [part for part in told if part not in page] == []
    assert [part for part in untold if part in page] == []


def test_start_begins_a_training_with_the_chosen_settings(monkeypatch):
    started = []

    def start(cfg, name=None, owner=None):
        started.append(cfg)
        return write_run("begun", cfg=cfg, state="queued", rows=0, with_snapshot=False)

    monkeypatch.setattr(launch, "start", start)
    app = open_page("train")
    app.selectbox(key="set_dataset").select("digits").run()
    app.number_input(key="set_beta").set_value(4.0).run()
    app.selectbox(key="set_likelihood").select("gaussian").run()
    app.button(key="start_training").click().run()
    assert started == [plan("digits", beta=4.0, likelihood="gaussian")]
    assert app.selectbox(key="run_pick").value == "begun"
    assert "waiting" in words(app)


def test_a_failed_start_is_one_sentence(monkeypatch):
    def refuse(cfg, name=None, owner=None):
        raise RunError("the folder must be writable")

    monkeypatch.setattr(launch, "start", refuse)
    app = open_page("train")
    app.button(key="start_training").click().run()
    assert app.error[0].value == "the folder must be writable"


def test_a_run_in_training_is_shown_to_who_comes_anew():
    write_run("older")
    write_run("busy", state="running")
    app = open_page("train")
    text = words(app)
    assert app.selectbox(key="run_pick").value == "busy"
    for shown in ("2 / 10 · 20", "1,234", "1\\:15", "1\\:01\\:40", "cpu · 321 MB", "5.000 now · 7.000 held out"):
        assert shown in text
    assert not re.search(r":\d+:", text)  # which the browser would look up as an emoji, and move the page meanwhile
    assert "**4 of 4**" in text


@pytest.mark.parametrize("name", ["pause", "one_step", "stop"])
def test_buttons_reach_the_worker(name):
    run = write_run("busy", state="running")
    app = open_page("train")
    app.button(key=f"do_{name}").click().run()
    assert run.desired().desired == {"pause": "pause", "one_step": "step", "stop": "stop"}[name]


def test_go_on_after_a_pause():
    run = write_run("busy", state="paused")
    run.ask("pause")
    app = open_page("train")
    app.button(key="do_go_on").click().run()
    assert run.desired().desired == "run"


def test_dials_reach_the_worker():
    run = write_run("busy", state="running")
    app = open_page("train")
    app.select_slider(key="dial_beta_busy").set_value(4.0).run()
    app.select_slider(key="dial_lr_busy").set_value(3e-4).run()
    assert (run.desired().beta, run.desired().lr) == (4.0, 3e-4)


@pytest.mark.parametrize("state", ["interrupted", "stopped", "diverged", "failed"])
def test_an_ended_run_says_why_and_can_be_resumed(monkeypatch, state):
    run = write_run("ended", state=state, message="Lower the learning rate.")
    resumed = []
    monkeypatch.setattr(launch, "resume", lambda *asked: resumed.append(asked))
    app = open_page("train", run="ended")
    assert ("Lower the learning rate below" if state == "diverged" else "Lower the learning rate.") in app.warning[
        0
    ].value
    assert "20" in app.warning[0].value
    app.select_slider(key="dial_lr_ended").set_value(1e-4).run()  # what a diverged run needs before it goes on
    assert run.desired().lr == 1e-4
    app.button(key="do_resume").click().run()
    assert resumed == [(run, run.config().optim.epochs)]
    app.number_input(key="epochs_ended").set_value(40).run()
    app.button(key="do_resume").click().run()
    assert resumed[1:] == [(run, 40)]


def test_a_finished_run_trains_on_with_twice_the_epochs_unless_told_otherwise(monkeypatch):
    run = write_run("ended", cfg=plan("digits", latent_dim=4, epochs=6, rate="cosine"))
    write_json(run.status_file, run.status().to_dict() | {"epoch": 6})
    assert not [field for field in open_page("train", run="ended").number_input if field.key == "epochs_ended"]
    (run.checkpoints_dir / "20").mkdir(parents=True)
    write_json(run.checkpoints_dir / "20" / "state.json", {})
    resumed = []
    monkeypatch.setattr(launch, "resume", lambda *asked: resumed.append(asked))
    app = open_page("train", run="ended")
    field = app.number_input(key="epochs_ended")
    assert (field.value, field.min) == (12, 7)
    assert any("rises again now" in caption.value for caption in app.caption)
    app.button(key="do_train_on").click().run()
    assert resumed == [(run, 12)]


def test_a_training_that_ends_while_the_page_is_drawn_leaves_no_controls_of_a_running_one(monkeypatch):
    run = write_run("ends", state="running")
    stopped = {**run.status().to_dict(), "state": "stopped"}
    controls = train_controls.run_controls

    def ends_here(run, *status):
        controls(run, *status)
        write_json(run.status_file, stopped)

    monkeypatch.setattr(train_controls, "run_controls", ends_here)
    app = open_page("train", run="ends")
    assert app.button(key="do_resume")
    assert "do_stop" not in [button.key for button in app.button]


@pytest.mark.parametrize(
    ("lang", "short", "whole"),
    [
        ("en", "8 x cuda on 2 computers", "8 x cuda (NVIDIA H100) on 2 computers · 321 MB"),
        ("zh", "8 x cuda，共 2 台计算机", "8 x cuda (NVIDIA H100)，共 2 台计算机 · 321 MB"),
    ],
)
def test_all_devices_of_a_run_are_named(lang: str, short: str, whole: str):
    run = write_run("split")
    devices = {"device": "8 x cuda (NVIDIA H100) on 2 computers"}
    run.status_file.write_text(json.dumps(run.status().to_dict() | devices))
    app = open_page("train", run="split", lang=lang)
    assert any(element.value.endswith(f"**{short}**") for element in app.markdown)
    assert whole in [element.help for element in app.markdown]


def test_a_waiting_run_says_what_it_waits_for(monkeypatch):
    monkeypatch.setattr(line, "FRESH_SECONDS", 0.0)  # what was read a moment ago is of another line here

    def queue(name: str, asked: float) -> None:
        run = write_run(name, state="queued", rows=0, with_snapshot=False)
        run.status_file.write_text(json.dumps(run.status().to_dict() | {"queued_at": asked}))

    queue("waits", 30.0)
    queue("later", 40.0)
    assert not open_page("train", run="waits").info  # nobody has the device: it is about to begin
    write_run("busy", state="running")
    assert "Waiting for **busy**: one" in open_page("train", run="waits").info[0].value
    queue("earlier", 10.0)
    queue("sooner", 20.0)
    assert "Waiting for **busy** and 2 more" in open_page("train", run="waits").info[0].value


@pytest.mark.parametrize(("name", "value"), [("latent_dim", 0), ("latent_dim", 300), ("epochs", 0), ("beta", -1.0)])
def test_a_number_out_of_range_is_explained_and_cannot_be_started(name, value):
    app = open_page("train")
    app.number_input(key=f"set_{name}").set_value(value).run()
    assert "must be from" in app.error[0].value
    assert f"it is {value:g} now" in app.error[0].value
    assert app.button(key="start_training").disabled
    assert app.number_input(key="set_batch_size").value == 128  # the other settings are still there
    app.number_input(key=f"set_{name}").set_value(type(value)(4)).run()
    assert not app.error
    assert not app.button(key="start_training").disabled


def test_figures_have_a_minus_sign_and_thousands_separated():
    assert [figure(value) for value in (-19.934, 1234.4, -2e9, None)] == ["−19.93", "1,234", "−2.000e+09", "–"]


def test_few_updates_are_warned_of():
    app = open_page("train")
    assert "That is few" not in words(app)
    app.selectbox(key="set_dataset").select("digits").run()
    assert "That is few" in words(app)


def test_a_refused_action_is_one_sentence(monkeypatch):
    def refuse(run):
        raise RunError("run busy is finished, not in training")

    monkeypatch.setattr(launch, "pause", refuse)
    write_run("busy", state="running")
    app = open_page("train")
    app.button(key="do_pause").click().run()
    assert app.error[0].value == "run busy is finished, not in training"


def test_collapse_is_explained():
    write_run("flat", idle_dims=3)
    app = open_page("train", run="flat")
    assert "**1 of 4**" in words(app)
    assert "posterior collapse" in app.warning[0].value
    run = write_run("young", idle_dims=3)
    run.status_file.write_text(json.dumps(run.status().to_dict() | {"epoch": 1}))
    assert not open_page("train", run="young").warning  # in the first epoch nothing is settled


def test_a_run_without_a_snapshot_shows_tiles_of_the_same_size():
    write_run("early", state="running", rows=0, with_snapshot=False)
    assert "2 / 10 · 0" in words(open_page("train"))


def test_rename_and_delete(tmp_path):
    write_run("mine")
    app = open_page("train", run="mine")
    app.text_input(key="new_name_mine").input("../yours").run()
    app.button(key="do_rename").click().run()
    assert "may hold letters" in app.error[0].value
    assert "Reconstructions" in words(app)  # the views are still there
    app.text_input(key="new_name_mine").input("yours").run()
    app.button(key="do_rename").click().run()
    assert [run.name for run in store.list_runs()] == ["yours"]
    app.button(key="do_delete").click().run()
    assert store.list_runs() == []
    assert app.selectbox(key="run_pick").value == ""


def test_a_run_that_is_gone_is_one_sentence():
    assert "nowhere" in words(open_page("train", run="nowhere"))


def test_a_broken_run_is_one_sentence():
    write_run("broken").config_file.write_text("{")
    app = open_page("train", run="broken")
    assert "config.json" in app.error[0].value


def test_unexpected_errors_become_one_sentence(monkeypatch):
    app = AppTest.from_function(_page_with_a_defect, default_timeout=TIMEOUT).run()
    assert "ZeroDivisionError" in app.error[0].value
    assert "Traceback" not in app.error[0].value
    assert guard.show_error


def _page_with_a_defect():
    from vaelab.ui.guard import show_error

    try:
        print(1 / 0)
    except ZeroDivisionError as error:
        show_error(error)


def test_the_column_of_controls_folds_away_and_back():
    write_run("busy", state="running")
    app = open_page("train")
    app.button(key="side_folded_button").click().run()
    assert not app.exception
    assert "do_pause" not in [button.key for button in app.button]
    assert "2 / 10 · 20" in words(app)
    app.button(key="side_folded_button").click().run()
    assert app.button(key="do_pause").label == "Pause"


def test_a_run_that_is_not_there_is_said_until_something_is_chosen():
    write_run("mine")
    app = open_page("train", run="nothing")
    said = strings("en", "common")["no_such_run"].format(name="nothing")
    assert [warning.value for warning in app.warning] == [said]
    app.run()  # a browser that connects again
    assert [warning.value for warning in app.warning] == [said]
    app.selectbox(key="run_pick").set_value("mine").run()
    assert not app.warning
