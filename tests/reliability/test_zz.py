import pytest, time
pytestmark = pytest.mark.root
@pytest.mark.parametrize("kill", ["parent","all"])
@pytest.mark.parametrize("n", range(34, 60, 1))
def test_zz(runtime, make_bundle, guard, killat, n, kill):
    bundle = make_bundle()
    command = ("create", "--bundle", bundle.directory, bundle.id)
    s=killat(runtime, *command, at=n, kill=kill)
    import os
    rep=open(os.path.join(runtime.work,"killat")).read()
    r=runtime("delete", "--force", bundle.id)
    left=guard.leftovers()
    with open("/tmp/h1/zz","a") as f: f.write(f"{n} {kill} rep={rep.strip()} rc={s.result.returncode} del={r.returncode} {r.duration_s:.2f} left={left} {r.stderr}\n")
