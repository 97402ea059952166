import pytest

from etl.language import detect, word_count

PROSE = {
    "de": "Der Stadtrat hat am Dienstag beschlossen, die alte Brücke über den Fluss bis zum Herbst zu sperren.",
    "en": "The city council decided on Tuesday to close the old bridge across the river until the autumn.",
    "fr": "Le conseil municipal a décidé mardi de fermer le vieux pont sur la rivière jusqu'à l'automne.",
    "zh": "市议会星期二决定关闭河上的旧桥，直到秋天，居民们必须绕道而行，公共汽车也将改变路线。",
}


@pytest.mark.parametrize("language", PROSE)
def test_prose(language: str) -> None:
    assert detect(PROSE[language]).language == language


@pytest.mark.parametrize("text", ["", "   \n", "12.5 33 2024", "Heute", "🎉🎉🎉", "see also here"])
def test_undetermined(text: str) -> None:
    assert detect(text).language == "und"


def test_word_count() -> None:
    assert word_count("Zwei Wörter, 3 Zahlen.") == 4
    assert word_count("市议会 yes") == 4
