//! Pictures of visitors: of whom one is taken, when it is in the call log, and when it goes.

use std::time::Duration;

use vestibule::channel::{CallHandle, CallResult, Command, PictureName, StreamQuality, VideoView, VisitorPicture};
use vestibule::config::{FileError, FileFault};
use vestibule::phone::{MediaEvent, MediaOrder};

use crate::common::{Disk, House, PANEL, ms, s};

const ON: (&str, &str) = ("phone.call_log.pictures", "on");
const STAYS: (&str, &str) = ("phone.call_log.delete_if_answered", "off");
const DAY: Duration = Duration::from_secs(24 * 60 * 60);

/// How often a picture was ordered, and how often it was called off.
fn ordered(house: &House) -> (usize, usize) {
    let orders = &house.panels[PANEL].orders;
    let count = |wanted: fn(&MediaOrder) -> bool| orders.iter().filter(|order| wanted(order)).count();
    (
        count(|order| matches!(order, MediaOrder::TakePicture { .. })),
        count(|order| matches!(order, MediaOrder::LeavePicture { .. })),
    )
}

/// The media have taken the picture of this call: its name, if it is wanted.
fn taken(house: &mut House, call: CallHandle) -> Option<PictureName> {
    let name = house.panel().phone.begin_picture(call);
    house.pump();
    name
}

/// The picture is on the disk, or cannot be written.
fn written(house: &mut House, call: CallHandle, name: &PictureName, result: Result<u32, FileError>) {
    let now = house.now;
    house.panel().phone.handle_picture(now, call, name.clone(), result);
    house.pump();
}

/// A visitor rings and is on the picture.
fn visit(house: &mut House) -> (CallHandle, PictureName) {
    house.bell();
    let call = house.call(PANEL).call;
    let name = taken(house, call).expect("a picture is wanted");
    written(house, call, &name, Ok(40_000));
    (call, name)
}

fn pictures(house: &mut House) -> Vec<Option<PictureName>> {
    house.panel().log().into_iter().map(|entry| entry.picture.map(|picture| picture.file)).collect()
}

#[test]
fn nobody_is_taken_unless_the_owner_wants_it() {
    let mut house = House::new(&[]);
    house.bell();
    assert_eq!(ordered(&house), (0, 0));
    let call = house.call(PANEL).call;
    assert_eq!(taken(&mut house, call), None);
    house.must(PANEL, Command::Decline(None));
    assert_eq!(pictures(&mut house), [None]);

    let mut house = House::new(&[ON]);
    house.dial("10✳0✳0✳2").expect("it can be called");
    house.run(s(1));
    assert_eq!(ordered(&house), (0, 0), "whoever we call is no visitor");

    let mut house = House::new(&[ON, ("phone.direct_ip.prevent_sip_hacking", "on")]);
    house.bell();
    house.run(s(1));
    assert_eq!(ordered(&house), (0, 0), "whoever is not let in is not taken");
}

#[test]
fn a_missed_visitor_is_in_the_log_with_the_picture() {
    let mut house = House::new(&[ON]);
    let (call, name) = visit(&mut house);
    assert_eq!(ordered(&house), (1, 0));
    assert_eq!(taken(&mut house, call), None, "one is enough");
    let now = house.now;
    house.door.end(now, 0);
    house.run(ms(50));
    let line = house.panel().log()[0].clone();
    assert_eq!(line.result, CallResult::Missed);
    assert_eq!(line.picture, Some(VisitorPicture { file: name, bytes: 40_000 }));
    assert_eq!(house.panel().saved_log, [line]);
    assert!(house.panel().dropped.is_empty());
}

#[test]
fn a_picture_that_comes_after_the_visit_gets_into_its_line() {
    let mut house = House::new(&[ON]);
    house.bell();
    let call = house.call(PANEL).call;
    house.must(PANEL, Command::Decline(None));
    assert_eq!(pictures(&mut house), [None]);
    let name = taken(&mut house, call).expect("it is still wanted");
    written(&mut house, call, &name, Ok(1));
    assert_eq!(pictures(&mut house), [Some(name.clone())]);
    assert_eq!(house.panel().saved_log[0].picture.as_ref().map(|picture| &picture.file), Some(&name));

    // The line may have gone meanwhile.
    house.bell();
    let call = house.call(PANEL).call;
    house.must(PANEL, Command::Decline(None));
    let late = taken(&mut house, call).expect("it is still wanted");
    house.must(PANEL, Command::ClearLog);
    written(&mut house, call, &late, Ok(1));
    assert_eq!(house.panel().dropped, [name, late], "neither is left behind");
}

#[test]
fn the_picture_goes_when_the_call_is_answered_wherever_it_is() {
    // Not taken yet.
    let mut house = House::new(&[ON]);
    house.bell();
    let call = house.call(PANEL).call;
    house.must(PANEL, Command::Answer(None));
    house.run(ms(50));
    assert_eq!(ordered(&house), (1, 1));
    assert_eq!(taken(&mut house, call), None);
    house.must(PANEL, Command::End(None));

    // On its way to the disk.
    let mut house = House::new(&[ON]);
    house.bell();
    let call = house.call(PANEL).call;
    let name = taken(&mut house, call).expect("wanted");
    house.must(PANEL, Command::Answer(None));
    written(&mut house, call, &name, Ok(1));
    assert_eq!(house.panel().dropped, [name]);

    // On the disk.
    let mut house = House::new(&[ON]);
    let (_, name) = visit(&mut house);
    house.must(PANEL, Command::Answer(None));
    house.run(s(1));
    assert_eq!(house.panel().dropped, [name]);
    house.must(PANEL, Command::End(None));
    assert_eq!(pictures(&mut house), [None]);
    assert_eq!(ordered(&house).0, 1, "none is taken in the call");
}

#[test]
fn by_setting_the_picture_of_an_answered_call_stays() {
    let mut house = House::new(&[ON, STAYS]);
    let (_, name) = visit(&mut house);
    house.must(PANEL, Command::Answer(None));
    house.run(s(1));
    house.must(PANEL, Command::End(None));
    assert_eq!(pictures(&mut house), [Some(name)]);
    assert_eq!(house.panel().log()[0].result, CallResult::Answered);
    assert!(house.panel().dropped.is_empty());
}

#[test]
fn a_picture_goes_at_its_age_and_the_line_stays() {
    let mut house = House::new(&[ON, ("phone.call_log.picture_days", "2")]);
    let (_, first) = visit(&mut house);
    house.must(PANEL, Command::Decline(None));
    house.run(DAY);
    let (_, second) = visit(&mut house);
    house.must(PANEL, Command::Decline(None));
    house.run(DAY - Duration::from_secs(3600));
    assert_eq!(pictures(&mut house), [Some(second.clone()), Some(first.clone())]);
    house.run(Duration::from_secs(2 * 3600));
    assert_eq!(pictures(&mut house), [Some(second.clone()), None]);
    assert_eq!(house.panel().dropped, std::slice::from_ref(&first));
    house.set("phone.call_log.picture_days", "1");
    assert_eq!(pictures(&mut house), [None, None], "another age is in force at once");
    assert_eq!(house.panel().dropped, [first, second]);
    assert!(house.panel().phone.poll_timeout().is_none_or(|at| at > house.now.instant + DAY), "nothing is looked for");
}

#[test]
fn a_file_goes_only_once_the_log_on_the_disk_does_not_name_it() {
    let mut house = House::new(&[ON]);
    let (_, name) = visit(&mut house);
    house.must(PANEL, Command::Decline(None));
    house.panel().disk = Disk::Slow;
    house.must(PANEL, Command::DropPicture(name.clone()));
    assert!(house.panel().dropped.is_empty());
    let now = house.now;
    house.panel().let_disk_work(now);
    house.pump();
    assert_eq!((pictures(&mut house), house.panel().dropped.clone()), (vec![None], vec![name]));
}

#[test]
fn a_person_can_delete_one_and_all() {
    let mut house = House::new(&[ON]);
    let names: Vec<_> = (0..3)
        .map(|_| {
            let (_, name) = visit(&mut house);
            house.must(PANEL, Command::Decline(None));
            house.run(s(1));
            name
        })
        .collect();
    house.must(PANEL, Command::DropPicture(names[1].clone()));
    assert_eq!(pictures(&mut house), [Some(names[2].clone()), None, Some(names[0].clone())]);
    // Switched off, no more are taken, and those that are there stay.
    house.set("phone.call_log.pictures", "off");
    assert_eq!(pictures(&mut house).iter().flatten().count(), 2);
    house.bell();
    house.must(PANEL, Command::Decline(None));
    assert_eq!(ordered(&house).0, 3);
    house.must(PANEL, Command::DropPictures);
    assert_eq!(pictures(&mut house).iter().flatten().count(), 0);
    assert_eq!(house.panel().log().len(), 4);
    assert_eq!(house.panel().dropped.len(), 3);
}

#[test]
fn a_picture_that_cannot_be_written_is_said_until_one_can_and_the_call_goes_on() {
    let mut house = House::new(&[ON]);
    house.bell();
    let call = house.call(PANEL).call;
    let name = taken(&mut house, call).expect("wanted");
    let full = || FileFault::NoRoom.of("/data/pictures/1-1.jpg");
    written(&mut house, call, &name, Err(full()));
    let said = ["pictures of visitors cannot be kept: /data/pictures/1-1.jpg: there is no room left on the disk"];
    assert_eq!(house.panel().notices(), said);
    house.must(PANEL, Command::Decline(None));
    assert_eq!(pictures(&mut house), [None]);

    house.bell();
    let call = house.call(PANEL).call;
    let name = taken(&mut house, call).expect("wanted");
    written(&mut house, call, &name, Err(full()));
    assert_eq!(house.panel().notices(), said, "once");
    house.must(PANEL, Command::Decline(None));
    visit(&mut house);
    assert!(house.panel().notices().is_empty());
}

#[test]
fn the_log_says_how_well_sound_and_picture_came_through() {
    let mut house = House::new(&[]);
    house.connect_door();
    house.report(3, |second| second * 50);
    let (now, call) = (house.now, house.call(PANEL));
    let audio =
        call.audio.map(|audio| vestibule::channel::AudioView { packets_in: 970, lost: 30, jitter_ms: 12.34, ..audio });
    let video = Some(VideoView { packets_in: 500, lost: 0, jitter_ms: 2.0, frames: 75, ..VideoView::default() });
    house.panel().phone.handle_media(now, MediaEvent::Statistics { call: call.call, audio, video });
    house.must(PANEL, Command::End(None));
    let quality = house.panel().log()[0].quality.clone();
    let audio = quality.audio.expect("there was sound");
    assert_eq!((audio.packets, audio.lost, audio.jitter_ms, audio.loss()), (970, 30, 12.3, 3.0));
    assert!(!audio.codec.is_empty());
    let video = quality.video.expect("there was a picture");
    assert_eq!(video, StreamQuality { codec: "H264".to_owned(), packets: 500, lost: 0, jitter_ms: 2.0 });

    house.bell();
    house.must(PANEL, Command::Decline(None));
    assert_eq!(house.panel().log()[0].quality, Default::default(), "nothing came");
}
