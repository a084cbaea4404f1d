"""The dashboard: pages draw, a pure view model computes, one pump pushes."""
