import subprocess
import sys

HEAVY = {"torch", "ray", "optuna", "pandas", "matplotlib"}


def loaded_by(statement: str) -> set[str]:
    code = f"{statement}\nimport sys\nprint(*sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    return set(done.stdout.split())


def test_importing_the_package_loads_nothing_of_weight():
    assert not loaded_by("import search_space") & (HEAVY | {"numpy", "yaml"})


def test_using_all_of_it_loads_numpy_and_yaml_and_nothing_heavier():
    loaded = loaded_by("from search_space import *\nfrom search_space import catalog")
    assert {"numpy", "yaml", "search_space.scale_permuted"} <= loaded
    assert not loaded & HEAVY


def test_public_names_are_the_ones_of_their_modules():
    import search_space
    from search_space.canonical import canonical_key

    assert search_space.canonical_key is canonical_key
    assert set(search_space.__all__) <= set(dir(search_space))
