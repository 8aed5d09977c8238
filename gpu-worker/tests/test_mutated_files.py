"""A sample of `npm run proof -- mutated-files`."""

import pytest
from mutated_files import run


@pytest.mark.promise("files.hostile")
def test_damaged_files_are_decoded_or_refused_and_none_stops_the_decoder(tmp_path) -> None:
    figures = run(60, 20_261_129, tmp_path)
    assert figures.decoded + figures.refused == 60
    assert figures.restarts == 0
    assert figures.refused > 0, "no file was damaged enough to be refused"
