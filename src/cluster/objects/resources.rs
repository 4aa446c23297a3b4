//! Amounts of CPU, memory and places for pods.

/// CPU [milli], memory [bytes] and places for pods: of a node, or taken.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Resources {
    pub cpu: u32,
    pub memory: u64,
    pub pods: u32,
}

impl Resources {
    /// What one pod with these requests takes.
    pub fn of_pod(cpu: u32, memory: u64) -> Self {
        Resources { cpu, memory, pods: 1 }
    }

    /// Whether `more` can be taken too, where this is taken already. What is not asked for is not checked.
    pub fn leaves_room(&self, more: Resources, allocatable: Resources) -> bool {
        self.pods + more.pods <= allocatable.pods
            && (more.cpu == 0 || self.cpu + more.cpu <= allocatable.cpu)
            && (more.memory == 0 || self.memory + more.memory <= allocatable.memory)
    }

    pub fn add(&mut self, more: Resources) {
        self.cpu += more.cpu;
        self.memory += more.memory;
        self.pods += more.pods;
    }

    pub fn remove(&mut self, less: Resources) {
        self.cpu -= less.cpu;
        self.memory -= less.memory;
        self.pods -= less.pods;
    }

    /// What of this is left where `less` is taken; nothing where more is taken than there is.
    pub fn saturating_sub(self, less: Resources) -> Resources {
        Resources {
            cpu: self.cpu.saturating_sub(less.cpu),
            memory: self.memory.saturating_sub(less.memory),
            pods: self.pods.saturating_sub(less.pods),
        }
    }
}
