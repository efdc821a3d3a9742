from console import Step, run, steps

PAGE = """
```console
$ X=1
$ echo $X \\
>   two
1 two
$ cat <<'END'
> {
>   "a": 1
> }
> END
{
...
}
$ false
```

```sh
ignored
```
"""


def test_commands_and_outputs_are_found_and_run_in_one_shell():
    outcomes = run(steps(PAGE))
    assert [code for _, code, _ in outcomes] == [0, 0, 0, 1]
    assert [step.matches(output) for step, _, output in outcomes] == [True] * 4


def test_a_different_output_does_not_match():
    assert not Step("", "one").matches("two")
    assert not Step("", "a...c").matches("a b")
    assert Step("", "a...c").matches("a\nb\nc\n")
