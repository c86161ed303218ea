"""Which tests guard the kit against accidents and hostile input, by what a user would lose without them."""

import ast
import functools
from pathlib import Path

import pytest

TESTS = Path(__file__).parent
GUARDS = {
    "lost or overwritten": {
        "backend/test_checkpoints.py": """
            test_a_run_killed_without_warning_and_resumed_is_bit_equal
            test_a_full_disk_keeps_the_checkpoint_that_was_there
            test_a_folder_with_other_files_is_refused_and_left_as_it_is""",
        "cli/test_color_command.py": """
            test_an_earlier_result_is_replaced_only_with_overwrite
            test_no_result_replaces_one_of_the_photographs""",
        "course/test_course.py": "test_a_file_that_the_course_did_not_write_is_not_replaced",
        "course/test_handout.py": "test_a_students_work_is_never_overwritten",
        "experiment/test_cluster.py": "test_a_killed_batch_can_be_resumed",
        "experiment/test_grid.py": "test_a_grid_outside_the_kit_cannot_replace_results_of_the_kit",
        "experiment/test_runs.py": """
            test_earlier_runs_are_neither_kept_nor_replaced_unless_the_user_says_which
            test_results_whose_runs_are_gone_are_replaced_only_by_starting_over""",
        "sources/test_build.py": "test_a_folder_that_is_not_a_set_is_left_alone",
        "sources/test_candidates.py": "test_an_unsafe_archive_is_refused_as_a_whole_and_the_entry_is_named",
        "sources/test_data_commands.py": "test_a_build_that_is_interrupted_or_killed_resumes_the_download",
    },
    "hangs and memory": {
        "backend/test_files.py": """
            test_a_pipe_among_the_files_is_refused_instead_of_waited_for
            test_a_file_that_would_fill_the_memory_is_not_read_unless_it_is_a_checkpoint""",
        "course/test_course.py": "test_if_the_course_is_killed_its_kernel_ends_too_and_nothing_half_done_is_left",
        "experiment/test_grid.py": """
            test_a_grid_file_that_contains_itself_many_times_is_refused_in_a_short_line
            test_impossible_options_are_refused_in_one_line""",
        "sources/test_candidates.py": """
            test_an_archive_that_cannot_become_a_set_is_refused_with_the_reason
            test_the_entries_of_an_archive_are_in_memory_one_at_a_time_if_they_are_large
            test_a_list_of_photographers_that_is_made_to_take_hours_takes_none""",
        "test_data.py": """
            test_a_pipe_or_a_device_among_the_photographs_is_named_and_never_read
            test_a_decompression_bomb_is_an_error_before_it_fills_the_memory""",
    },
    "empty strings": {
        "cli/test_command.py": "test_a_wrong_command_line_gets_one_line_that_names_the_right_choice",
        "test_data.py": "test_an_empty_name_does_not_mean_the_current_folder",
    },
    "exit status": {
        "cli/test_command.py": """
            test_invalid_input_exits_with_2_and_a_failure_on_the_way_with_1
            test_a_file_that_disappears_on_the_way_is_not_invalid_input
            test_a_bug_keeps_its_traceback""",
        "cli/test_train_command.py": """
            test_a_full_disk_ends_the_training_with_status_1_and_names_the_folder
            test_a_folder_deleted_under_a_training_is_a_failure_on_the_way""",
        "test_properties.py": "test_any_command_line_is_understood_or_refused_in_one_line",
    },
    "silent wrong numbers": {
        "backend/test_checkpoints.py": "test_a_checkpoint_with_weights_that_are_not_finite_is_refused",
        "test_color.py": "test_integers_are_refused_because_they_would_wrap_or_round_to_zero",
        "test_metrics.py": "test_values_outside_0_and_1_are_refused",
        "test_properties.py": "test_any_settings_make_a_configuration_or_are_refused",
        "test_train.py": "test_a_non_finite_loss_stops_the_run_and_names_the_step",
    },
    "edited or damaged files": {
        "backend/test_checkpoints.py": """
            test_a_log_that_was_edited_is_refused_and_named
            test_a_checkpoint_that_does_not_fit_its_config_is_explained""",
        "experiment/test_results_scores.py": "test_a_damaged_manifest_is_named",
        "sources/test_build.py": "test_a_folder_with_a_damaged_record_is_not_a_set",
        "test_data.py": "test_any_damage_to_a_file_gives_a_picture_or_a_data_error",
        "test_properties.py": "test_any_grid_file_is_a_grid_or_refused_with_its_name",
    },
    "words": {
        "sources/test_data_commands.py": """
            test_escape_sequences_in_the_name_of_a_photograph_are_printed_and_not_obeyed""",
        "test_properties.py": """
            test_whatever_files_are_called_a_message_is_one_line_without_control_characters
            test_whatever_an_archive_calls_its_photographs_crops_stay_in_the_folder_of_the_set""",
    },
}


@functools.cache
def defined(file):
    """Names of the tests in a file."""
    tree = ast.parse((TESTS / file).read_text(encoding="utf-8"))
    return {node.name for node in tree.body if isinstance(node, ast.FunctionDef)}


@pytest.mark.parametrize("danger", GUARDS)
def test_every_guard_exists(danger):
    guards = [(file, name) for file, names in GUARDS[danger].items() for name in names.split()]
    assert [f"{file}::{name}" for file, name in guards if name not in defined(file)] == []
    assert guards
